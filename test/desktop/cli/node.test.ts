import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeCommand } from "../../../desktop/cli/node.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

const INTERVAL = ["--interval", "200"];

describe("chisme node", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  /** A node on a loopback address that begins with another. */
  function jsonNode(port: number, address: string, seed: string, ...more: string[]): NodeProcess {
    return new NodeProcess("--json", "--listen", `${address}:${port}`, "--seed", seed, ...INTERVAL, ...more);
  }

  async function stopped(node: NodeProcess, signal: NodeJS.Signals): Promise<void> {
    node.signal(signal);
    assert.deepEqual(await node.exited, { status: 0, signal: null });
    assert.equal(node.stderr, "");
  }

  describe("three processes", () => {
    const addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    const values = ["21.5", "18.2", "24.9"];

    function start(port: number, index: number, folder: string): NodeProcess {
      const storage = join(folder, addresses[index]);
      return jsonNode(port, addresses[index], addresses[index === 0 ? 1 : 0],
        "--storage", storage, "--value", values[index], "--id", String(index + 1));
    }

    it("three processes agree on minimum and maximum", async () => {
      const port = freshPort();
      const nodes = addresses.map((_, index) => start(port, index, freshFolder()));
      for (const node of nodes) await node.untilMinMax(18.2, 24.9, 3);
      for (const node of nodes) await stopped(node, "SIGINT");
    });

    it("the processes agree again after one was killed and restarted, and hold its next revision", async () => {
      const port = freshPort();
      const folder = freshFolder();
      const nodes = addresses.map((_, index) => start(port, index, folder));
      for (const node of nodes) await node.untilMinMax(18.2, 24.9, 3);
      await nodes[2].kill();
      const survivors = nodes.slice(0, 2);
      for (const node of survivors) {
        await node.until("the dead one was suspected", () => node.events.some((event) => {
          return event.event === "state" && event.address === addresses[2] && event.state === "suspect";
        }));
        await node.untilRow("is DOWN", addresses[2], (row) => row.state === "down" && row.revision === 0);
        await node.untilMinMax(18.2, 21.5, 2);
      }
      const restarted = start(port, 2, folder);
      for (const node of [...survivors, restarted]) {
        await node.untilMinMax(18.2, 24.9, 3);
        await node.untilRow("has revision 1", addresses[2], (row) => row.state === "up" && row.revision === 1);
      }
      const first = restarted.events[0];
      assert.ok(first.event === "start" && first.revision === 1);
    });

    it("a node that lost its storage gets its revision from the others", async () => {
      const port = freshPort();
      const former = freshFolder();
      mkdirSync(join(former, addresses[2]), { recursive: true });
      writeFileSync(join(former, addresses[2], "revision"), "6\n");
      const nodes = addresses.map((_, index) => start(port, index, index === 2 ? former : freshFolder()));
      for (const node of nodes) await node.untilMinMax(18.2, 24.9, 3);
      await nodes[2].kill();
      const folder = freshFolder();
      const restarted = start(port, 2, folder);
      for (const node of [nodes[0], nodes[1], restarted]) {
        await node.untilRow("has revision 8", addresses[2], (row) => row.state === "up" && row.revision === 8);
        await node.untilMinMax(18.2, 24.9, 3);
      }
      assert.equal(readFileSync(join(folder, addresses[2], "revision"), "utf8"), "8\n");
    });

    it("the processes follow values from standard input", async () => {
      const port = freshPort();
      const nodes = addresses.map((address, index) => jsonNode(port, address, addresses[index === 0 ? 1 : 0]));
      const agree = async (minimum: number | null, maximum: number | null, count: number) => {
        for (const node of nodes) await node.untilMinMax(minimum, maximum, count);
      };
      nodes[0].write("20\n");
      nodes[1].write("-3.5\n");
      nodes[2].write("1e2\n");
      await agree(-3.5, 100, 3);
      nodes[2].write("  7  \n");
      await agree(-3.5, 20, 3);
      nodes[1].write("\nwithdraw\n");
      await agree(7, 20, 2);
      nodes[0].write("8\n9\n10\n");
      nodes[0].endInput();
      await agree(7, 10, 2);
      nodes[2].write("WITHDRAW\n");
      await agree(10, 10, 1);
    });
  });

  describe("standard input", () => {
    it("the node warns of a line that is not a number, and reads on", async () => {
      const node = jsonNode(freshPort(), "127.0.0.2", "127.0.0.3");
      node.write("warm\n0x10\nInfinity\n22\n");
      await node.untilMinMax(22, 22, 1);
      await node.until("all problems came", () => node.stderr.split("\n").length === 4);
      assert.equal(node.stderr, [
        'warning: line 1 of standard input: "warm" is neither a command nor a number; "help" lists the commands',
        'warning: line 2 of standard input: "0x10" is neither a command nor a number; "help" lists the commands',
        'warning: line 3 of standard input: "Infinity" is neither a command nor a number; "help" lists the commands',
        "",
      ].join("\n"));
    });

    it("the node continues when standard input ends, as after `echo 21.5`", async () => {
      const port = freshPort();
      const node = jsonNode(port, "127.0.0.2", "127.0.0.3");
      node.write("21.5\n");
      node.endInput();
      await node.untilMinMax(21.5, 21.5, 1);
      const other = jsonNode(port, "127.0.0.3", "127.0.0.2");
      await other.untilMinMax(21.5, 21.5, 1);
      await stopped(node, "SIGINT");
    });
  });

  describe("the end", () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      it(`the node ends by ${signal} with a last line and status 0, with standard input still open`, async () => {
        const node = await jsonNode(freshPort(), "127.0.0.2", "127.0.0.3").untilStarted();
        await stopped(node, signal);
        const last = node.events.at(-1);
        assert.ok(last?.event === "stop");
        assert.equal(last.stats.sendFailures, 0);
      });
    }

    it("the node ends without an error when nobody reads the output any more", async () => {
      const node = await jsonNode(freshPort(), "127.0.0.2", "127.0.0.3").untilStarted();
      node.closeOutput();
      node.write("1\n2\n3\n");
      assert.deepEqual(await node.exited, { status: 0, signal: null });
      assert.equal(node.stderr, "");
    });
  });

  describe("what it prints", () => {
    it("the output is plain text in a pipe", async () => {
      const port = freshPort();
      const listen = `127.0.0.2:${port}`;
      const node = new NodeProcess("--listen", listen, "--seed", "127.0.0.3", "--value", "21.5", ...INTERVAL);
      await node.until("it told the minimum", () => node.lines.some((line) => line.includes("minimum")));
      node.signal("SIGINT");
      await node.exited;
      // The heartbeat of a node without a stored revision starts anywhere below 1,024.
      const withoutTimes = node.lines.map((line) => {
        return line.replace(/^ *\d+\.\d s {2}/, "").replace(/heartbeat \d+ */, "heartbeat N  ")
          .replace(/, id \d+,/, ", id N,");
      });
      assert.deepEqual(withoutTimes.slice(0, -1), [
        `chisme node 127.0.0.2:${port}, id N, revision 0`,
        "a round every 0.2 s, seeds: 127.0.0.3",
        "no key: anyone who can reach the port can read and forge all data",
        "a line of standard input with a number shares it, Ctrl-C stops the node",
        "",
        "127.0.0.2  up       revision 0    heartbeat N  21.5  (this node)",
        "minimum 21.5  maximum 21.5  of 1 node",
      ]);
      assert.match(withoutTimes.at(-1) ?? "", /^stopped: \d+ datagrams sent \(\d+ bytes\), 0 received \(0 bytes\)$/);
    });

    it("the node prints a line for each datagram to standard error with --debug", async () => {
      const port = freshPort();
      const node = jsonNode(port, "127.0.0.2", "127.0.0.3", "--debug");
      const line = new RegExp(`^\\d+ ms: SYN to 127\\.0\\.0\\.3:${port}, \\d+ bytes$`, "m");
      await node.until("it sent a SYN", () => line.test(node.stderr));
    });

    it("the node reports another device under its id as an error", async () => {
      const port = freshPort();
      await jsonNode(port, "127.0.0.2", "127.0.0.3", "--id", "7").untilStarted();
      const node = jsonNode(port, "127.0.0.3", "127.0.0.2", "--id", "7");
      await node.until("it found the conflict", () => node.events.some((event) => {
        return event.event === "error" && event.code === "idConflict" && event.message.includes("7");
      }));
    });
  });

  it("the node waits for an address that this computer does not have, warns once, and stops by a signal", async () => {
    const node = new NodeProcess("--listen", `203.0.113.7:${freshPort()}`, ...INTERVAL);
    await node.until("it warned", () => node.stderr !== "");
    node.signal("SIGINT");
    assert.deepEqual(await node.exited, { status: 0, signal: null });
    assert.equal(node.stderr, "warning: no interface has the address 203.0.113.7: the node waits for it\n");
  });

  describe("a start that fails, in one line and with status 1,", () => {
    async function refusal(...args: string[]): Promise<string> {
      const node = new NodeProcess(...args);
      assert.deepEqual(await node.exited, { status: 1, signal: null });
      assert.deepEqual(node.lines, []);
      return node.stderr.replace("(chisme node --help lists the options)\n", "");
    }

    it("the node does not start on an address and port in use", async () => {
      const port = freshPort();
      await jsonNode(port, "127.0.0.2", "127.0.0.3").untilStarted();
      assert.equal(await refusal("--listen", `127.0.0.2:${port}`),
        `error: --listen: port ${port} of 127.0.0.2 is in use by another program\n`);
      assert.equal(await refusal("--listen", `:${port}`),
        `error: --listen: port ${port} of all interfaces is in use by another program\n`);
    });

    it("the node does not start on an IPv6 address, or on an interface beside an address", async () => {
      assert.equal(await refusal("--listen", "fe80::1"),
        'error: --listen: "fe80::1" is not an IPv4 address; IPv6 is not supported\n');
      assert.equal(await refusal("--listen", "127.0.0.2", "--interface", "lo"),
        'error: --interface: "lo" has no effect beside the option listen\n');
    });

    it("the node does not start on a damaged storage", async () => {
      const folder = freshFolder();
      writeFileSync(join(folder, "revision"), "4");
      const path = join(folder, "revision");
      assert.equal(await refusal("--storage", folder, "--listen", `127.0.0.2:${freshPort()}`),
        `error: --storage: ${path} does not hold a revision from 0 to 4294967295\n`);
      assert.deepEqual(readdirSync(folder), ["lock", "revision"]);
    });

    it("the node does not start on a storage that is not a folder", async () => {
      const file = join(freshFolder(), "file");
      writeFileSync(file, "");
      assert.match(await refusal("--storage", file), /^error: --storage: EEXIST: .*\n$/);
    });

    it("refuses a value that is longer than --value-bytes", async () => {
      const options = ["--listen", `127.0.0.2:${freshPort()}`, "--value", "21.55", "--value-bytes"];
      assert.equal(await refusal(...options, "8"),
        "error: push: value: takes more than 8 bytes of CBOR (--value-bytes)\n");
      const node = jsonNode(freshPort(), "127.0.0.2", "127.0.0.3", "--value", "21.55", "--value-bytes", "9");
      await node.untilMinMax(21.55, 21.55, 1);
    });

    it("the node does not start with a bad option", async () => {
      assert.equal(await refusal("--interval", "99"), "error: --interval: 99 is not an integer from 100 to 3600000\n");
    });
  });

  describe("a wrong option", () => {
    const bad: [string[], string][] = [
      [["--listen", "here"], '--listen: "here" is not an IPv4 address such as "192.168.0.54"'],
      [["--listen", "127.0.0.2:x"], '--listen port: "x" is not an integer from 1 to 65535'],
      [["--seed", "127.0.0.300"], '--seed: "127.0.0.300" is not an IPv4 address such as "192.168.0.54"'],
      [["--seed", "127.0.0.3:0"], '--seed: port "0" is not an integer from 1 to 65535'],
      [["--value", "warm"], '--value: "warm" is not a number such as 21.5 or a map such as {"temp":21.5}'],
      [["--value", "{temp:1}"], '--value: "{temp:1}" is not a number such as 21.5 or a map such as {"temp":21.5}'],
      [["--interval", "99"], "--interval: 99 is not an integer from 100 to 3600000"],
      [["--interval", "1 s"], '--interval: "1 s" is not an integer from 100 to 3600000'],
      [["--id", "-1"], "--id: -1 is not an integer from 0 to 4294967295"],
      [["--name", ""], '--name: "" is not a text of 1 to 24 bytes without control characters'],
      [["--name", "Wohnzimmer", "--value-bytes", "8"],
        '--name: "Wohnzimmer" takes 12 bytes of a row, more than 8 (--value-bytes)'],
      [["--name", "hall", "--dialect", "espgossip", "--listen", "127.0.0.1"],
        "--name: the option dialect has none"],
      [["--capacity", "1"], "--capacity: 1 is not an integer from 2 to 65535"],
      [["--datagram-bytes", "1500"], "--datagram-bytes: 1500 is not an integer from 128 to 1472"],
      [["--value-bytes", "256"], "--value-bytes: 256 is not an integer from 0 to 255"],
      [["--value-bytes", "56", "--datagram-bytes", "128", "--feed-bytes", "0"],
        "--value-bytes: 56 is not an integer from 0 to 55 (73 less than --datagram-bytes)"],
      [["--value-bytes", "210", "--datagram-bytes", "300"],
        "--value-bytes: 210 is not an integer from 0 to 209 (91 less than --datagram-bytes)"],
      [["--event-bytes", "x"],
        '--event-bytes: "x" is not an integer from 32 to 1357 (115 less than the largest --datagram-bytes)'],
      [["--event-bytes", "1086"],
        "--event-bytes: 1086 is not an integer from 32 to 1085 (115 less than --datagram-bytes)"],
      [["--remove-after", "59999"], "--remove-after: 59999 is not an integer from 60000 to 1728000000"],
      [["--remove-after", "1 day"], '--remove-after: "1 day" is not an integer from 60000 to 1728000000'],
      [["--broadcast", "all"], '--broadcast: "all" is not an IPv4 address such as "192.168.0.54"'],
      [["--network", "x".repeat(32)], `--network: "${"x".repeat(32)}" is not a text of 1 to 31 bytes`],
      [["--network", "a", "--dialect", "espgossip", "--listen", "127.0.0.2"],
        "--network: ESPGossip has no network names"],
      [["--trusted-subnets", "10.0.0.0/8,here"],
        '--trusted-subnets: "here" is not an IPv4 subnet such as "192.168.0.0/16"'],
      [["--trusted-subnets", "10.0.0.0/8", "--seed", "192.168.0.54"],
        '--seed: "192.168.0.54" is in none of the --trusted-subnets'],
      [["--advertise", "host"], '--advertise: "host" is not an IPv4 address such as "192.168.0.54"'],
      [["--advertise", "255.255.255.255"], '--advertise: "255.255.255.255" is not the address of one node'],
      [["--advertise", "10.0.0.9", "--dialect", "auto", "--listen", "127.0.0.2"],
        "--advertise: the JSON of the option dialect always has the address of its datagrams"],
      [["--allow-unsealed"], "--allow-unsealed: there is no key beside it"],
      [["--unheard-of"], "unknown option '--unheard-of'"],
    ];
    for (const [args, message] of bad) {
      it(`the error names the option, its value and what is allowed: ${args.join(" ")}`, async () => {
        const errors: string[] = [];
        const command = nodeCommand().exitOverride().configureOutput({ writeErr: (text) => errors.push(text) });
        await assert.rejects(command.parseAsync(args, { from: "user" }), { exitCode: 1 });
        assert.deepEqual(errors, [`error: ${message}\n`, "(chisme node --help lists the options)\n"]);
      });
    }
  });
});
