import { readFileSync } from "node:fs";
import path from "node:path";

/** The sources of a package's public entries. Those without a source of their own (bundles, patterns) have no page. */
function sourcesOf(folder, sourceFolder) {
  const { name, exports } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([entry, { types }]) => {
    if (types === undefined || entry.includes("*") || entry === "./espruino") return [];
    const source = path.posix.join(sourceFolder, types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts"));
    return [[source, path.posix.join(name, entry)]];
  });
}

/** Source → specifier that a program imports. */
const specifiers = new Map([...sourcesOf(".", "src"), ...sourcesOf("desktop", "desktop")]);

/** A page is called what a program imports, not as the file. */
function nameModules(app) {
  app.converter.on("resolveBegin", ({ project }) => {
    for (const module of project.children ?? []) {
      const source = path.relative(".", module.sources?.[0]?.fullFileName ?? "").split(path.sep).join("/");
      module.name = specifiers.get(source) ?? module.name;
    }
  });
}

const repository = JSON.parse(readFileSync("package.json", "utf8")).repository.url;

export default {
  name: "chisme",
  entryPoints: [...specifiers.keys()],
  tsconfig: "tsconfig.docs.json",
  plugin: [nameModules],
  out: "build/docs",
  // Links by the repository of package.json, not by the remote of a clone, which may be any.
  disableGit: true,
  sourceLinkTemplate: `${repository.replace(/^git[+]|[.]git$/g, "")}/blob/main/{path}#L{line}`,
  excludeInternal: true,
  // `npm run typecheck` does it, with the typings of one platform at a time. Those of two contradict each other.
  skipErrorChecking: true,
  highlightLanguages: ["bash", "console", "javascript", "json", "lua", "typescript"],
  treatWarningsAsErrors: true,
  // Types that the engine's classes pass to one another. A program has no use for them.
  intentionallyNotExported: [
    "FeedProtocol", "Seeds", "Stats", "FeedsHash", "TableHash", "FeedMaker",
    "RowData", "OnRecord", "Media", "MessageProtocol", "MessageMaker", "Sleeper", "SleeperMaker", "Clock", "Links",
    "GossipNode",
  ],
};
