import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle } from "../conformance/replay.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";

const SOURCE = fileURLToPath(new URL("../../src/rtc-memory/rtc-memory.c", import.meta.url));

/** The declarations of XS that the file uses, and those of each chip's SDK. They check its form, and run nothing. */
const XS = `
typedef struct xsMachineRecord xsMachine; typedef struct { void* data[2]; } xsSlot;
extern xsSlot slots[4];
#define xsResult (slots[0])
#define xsArg(i) (slots[1 + (i)])
xsSlot xsInteger(int); xsSlot xsBoolean(int); int xsToInteger(xsSlot); void xsRangeError(const char*);
void xsUnknownError(const char*); int xsGetArrayBufferLength(xsSlot);
void xsGetArrayBufferData(xsSlot, int, void*, int); void xsSetArrayBufferData(xsSlot, int, void*, int);
`;
const HOST = `#include <stdint.h>
typedef void (*modMessageDeliver)(void*, void*, uint8_t*, uint16_t);
int modMessagePostToMachine(xsMachine*, uint8_t*, uint16_t, modMessageDeliver, void*);
`;
const CHIPS = [
  {
    chip: "ESP32", flags: ["-DESP32=1"], headers: {
      "esp_attr.h": '#define RTC_DATA_ATTR __attribute__((section(".rtc.data")))\n',
      "esp_sleep.h": "#include <stdint.h>\nint esp_sleep_enable_timer_wakeup(uint64_t us);\n"
        + "void esp_deep_sleep_start(void) __attribute__((noreturn));\n",
      "esp_system.h": "typedef enum { ESP_RST_UNKNOWN, ESP_RST_DEEPSLEEP = 8 } esp_reset_reason_t;\n"
        + "esp_reset_reason_t esp_reset_reason(void);\n",
    },
  },
  {
    chip: "ESP8266", flags: ["-D__ets__=1"], headers: {
      "user_interface.h": "typedef unsigned char uint8; typedef unsigned short uint16;\n"
        + "enum { REASON_DEEP_SLEEP_AWAKE = 5 }; struct rst_info { unsigned reason; };\n"
        + "struct rst_info* system_get_rst_info(void);\n"
        + "_Bool system_rtc_mem_read(uint8 block, void* to, uint16 size);\n"
        + "_Bool system_rtc_mem_write(uint8 block, const void* from, uint16 size);\n",
    },
  },
  { chip: "the simulator", flags: [], headers: {} },
];

describe("memory that outlasts a deep sleep", () => {
  describe("in XS", function () {
    this.timeout(300_000);
    let host: XsHost;

    before(async function () {
      await requireXs(this);
      host = await XsHost.start(await buildBundle("../rtc-memory/on-xs.ts", "rtc-memory"), { plain: true });
    });

    after(() => host?.close());

    it("holds what was written, whatever its length, until it is read once", async () => {
      assert.equal(await host.send("size"), "4096");
      assert.equal(await host.send("read"), "00".repeat(4096));
      for (const length of [1, 3, 4, 63, 64, 65, 200, 4096]) {
        const hex = Array.from({ length }, (_, i) => ((i * 7 + length) & 0xff).toString(16).padStart(2, "0")).join("");
        assert.equal(await host.send(`write ${hex}`), "ok");
        assert.equal((await host.send("read")).slice(0, length * 2), hex, `${length} bytes`);
        assert.equal((await host.send("read")).slice(0, 8), "00000000", "the mark is gone");
      }
    });

    it("refuses what does not fit, and what is no Uint8Array", async () => {
      assert.equal(await host.send("fill 4096"), "ok");
      assert.equal(
        await host.send("fill 4097"),
        "RangeError ERR_ARGUMENT: writeKept: kept: has 4097 bytes, at most 4096 fit",
      );
      assert.match(await host.send("none"), /^TypeError ERR_ARGUMENT: writeKept: kept: undefined is not a Uint8Array/);
      assert.match(await host.send("read"), /^(5a){4096}$/);
    });

    it("says that this platform has no deep sleep", async () => {
      assert.equal(await host.send("woke"), "false");
      assert.match(await host.send("sleep 60"), /ERR_STATE: deepSleep: this platform has no deep sleep/);
    });
  });

  for (const { chip, flags, headers } of CHIPS) {
    it(`the C source is well-formed for ${chip}, by declarations of what it calls`, () => {
      const folder = mkdtempSync(join(tmpdir(), "rtc-memory-"));
      try {
        for (const [name, text] of Object.entries({ "xs.h": XS, "xsHost.h": HOST, ...headers })) {
          mkdirSync(dirname(join(folder, name)), { recursive: true });
          writeFileSync(join(folder, name), text);
        }
        const checks = ["-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-fsyntax-only"];
        const args = [...checks, `-I${folder}`, ...flags, SOURCE];
        const { status, stderr } = spawnSync("gcc", args, { encoding: "utf8" });
        assert.equal(status, 0, stderr);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
