/**
 * The page: a table of nodes, read anew each 5 seconds. It is ASCII, so that its length is that of the text, and one
 * constant, which stays in flash; spaces count. Its script and its style are named by their hashes in `PAGE_POLICY`.
 */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>chisme</title>
<style>
:root{color-scheme:light dark;--back:#fff;--text:#1f2328;--line:#d1d9e0;--grey:#59636e;
--up:#1a7f37;--asleep:#0969da;--suspect:#8a5d00;--down:#cf222e}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--text:#f0f6fc;--line:#3d444d;--grey:#9198a1;
--up:#3fb950;--asleep:#58a6ff;--suspect:#d29922;--down:#ff7b72}}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--text);
font:1rem/1.4 system-ui,sans-serif}
h1{margin:0;font-size:1.4rem}
p{margin:.2rem 0 1rem;color:var(--grey)}
div{overflow-x:auto}
table{width:100%;border-collapse:collapse}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--grey);font-weight:600}
td:nth-child(1){white-space:nowrap;color:var(--grey);font-weight:600}
td:nth-child(3){overflow-wrap:anywhere;font-family:ui-monospace,monospace}
td:nth-child(4){color:var(--grey)}
td.up{color:var(--up)}
td.asleep{color:var(--asleep)}
td.suspect{color:var(--suspect)}
td.down{color:var(--down)}
</style>
</head>
<body>
<main>
<h1>chisme</h1>
<p role="status">Reading</p>
<form hidden><label>Token of the node <input type="password" autocomplete="off"></label> <button>Read</button></form>
<div tabindex="0" role="region" aria-label="Nodes"><table>
<thead><tr><th scope="col">State<th scope="col">Name<th scope="col">Value<th scope="col">Address</tr></thead>
<tbody></tbody>
</table></div>
</main>
<script>
const signs = { up: "+", asleep: "z", suspect: "?", down: "x", left: "-", removed: "." };
const one = (name) => document.querySelector(name);
const nameOf = (node) => node.name ?? String(node.id);
let token = sessionStorage.getItem("token");
let timer;
function cell(row, text, kind = "") {
const place = row.insertCell();
place.textContent = text;
place.className = kind;
}
function show(nodes) {
nodes.sort((a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }) || a.id - b.id);
const body = document.createElement("tbody");
let up = 0;
for (const node of nodes) {
const state = node.state === "probed" ? "up" : node.state;
if (state === "up") up++;
const row = body.insertRow();
cell(row, signs[state] + " " + state, state);
cell(row, nameOf(node));
cell(row, typeof node.data === "string" ? node.data : JSON.stringify(node.data) ?? "");
cell(row, node.address + ":" + node.port);
if (node.isSelf) one("h1").textContent = document.title = nameOf(node);
}
one("tbody").replaceWith(body);
one("p").textContent = nodes.length + (nodes.length === 1 ? " node, " : " nodes, ") + up + " up";
}
async function read() {
clearTimeout(timer);
if (!document.hidden) try {
const headers = token ? { authorization: "Bearer " + token } : {};
const answer = await fetch("/v1/nodes", { headers, signal: AbortSignal.timeout(12000) });
one("form").hidden = answer.status !== 401;
if (answer.status === 401) throw Error("This node wants its token.");
if (!answer.ok) throw Error("The node answers " + answer.status + ".");
show((await answer.json()).members);
} catch (error) {
one("p").textContent = error.name === "Error" ? error.message : "The node does not answer. The table is of before.";
}
clearTimeout(timer);
timer = setTimeout(read, 5000);
}
one("form").onsubmit = (event) => {
event.preventDefault();
token = one("input").value.trim();
sessionStorage.setItem("token", token);
read();
};
document.onvisibilitychange = read;
read();
</script>
</body>
</html>
`;

/** Content security policy of the page: this script and this style, and requests to the node itself. */
export const PAGE_POLICY = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
  + "form-action 'none'; frame-ancestors 'none'; "
  + "style-src 'sha256-o2brmaHb/kMkxZITDRtEtqEJmkZqTmEXCuCe6nWQ2OU='; "
  + "script-src 'sha256-9YD0fp5N+0ZDBkHUGXx3RrS3ntb88u04fl6dYvknL7I='";
