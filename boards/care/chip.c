/*
 * What care needs of the chip and the SDK has not for both: why it started, and 4 bytes of memory that outlive a
 * restart, but no loss of power. Plain functions, which JavaScript calls by the SDK's `mc/ffi`.
 */
#include <stdint.h>

/* As RESET_REASONS in restarts.ts. */
enum { UNKNOWN, POWER, PIN, SOFTWARE, CRASH, WATCHDOG, SLEEP, BROWNOUT };

/* Tells kept seconds from what memory holds after a loss of power. */
#define MARK 0x63686973u

#if defined(ESP_PLATFORM) || defined(ESP32)

#include "esp_attr.h"
#include "esp_ota_ops.h"
#include "esp_system.h"

static RTC_NOINIT_ATTR uint32_t kept[2];

int32_t chisme_reset_reason(void)
{
	switch (esp_reset_reason()) {
		case ESP_RST_POWERON: return POWER;
		case ESP_RST_EXT: return PIN;
		case ESP_RST_SW: return SOFTWARE;
		case ESP_RST_PANIC: return CRASH;
		case ESP_RST_INT_WDT:
		case ESP_RST_TASK_WDT:
		case ESP_RST_WDT: return WATCHDOG;
		case ESP_RST_DEEPSLEEP: return SLEEP;
		case ESP_RST_BROWNOUT: return BROWNOUT;
		default: return UNKNOWN;
	}
}

static void load(uint32_t *words) { words[0] = kept[0]; words[1] = kept[1]; }
static void store(const uint32_t *words) { kept[0] = words[0]; kept[1] = words[1]; }

void chisme_restart(void) { esp_restart(); }
int32_t chisme_confirm(void) { return esp_ota_mark_app_valid_cancel_rollback(); }
int32_t chisme_rollback(void) { return esp_ota_mark_app_invalid_rollback_and_reboot(); }

#elif defined(__ets__)

#include "user_interface.h"

/* The last 8 bytes of the user's 512: blocks of 4 bytes, of which 64 to 191 are the user's. */
#define BLOCK 190

int32_t chisme_reset_reason(void)
{
	switch (system_get_rst_info()->reason) {
		case REASON_DEFAULT_RST: return POWER;
		case REASON_WDT_RST:
		case REASON_SOFT_WDT_RST: return WATCHDOG;
		case REASON_EXCEPTION_RST: return CRASH;
		case REASON_SOFT_RESTART: return SOFTWARE;
		case REASON_DEEP_SLEEP_AWAKE: return SLEEP;
		case REASON_EXT_SYS_RST: return PIN;
		default: return UNKNOWN;
	}
}

static void load(uint32_t *words) { system_rtc_mem_read(BLOCK, words, 8); }
static void store(const uint32_t *words) { system_rtc_mem_write(BLOCK, words, 8); }

void chisme_restart(void) { system_restart(); }
int32_t chisme_confirm(void) { return -1; }
int32_t chisme_rollback(void) { return -1; }

#else

/* The simulator: each start is one after a loss of power, and it cannot be restarted. */
static uint32_t kept[2];

int32_t chisme_reset_reason(void) { return POWER; }
static void load(uint32_t *words) { words[0] = kept[0]; words[1] = kept[1]; }
static void store(const uint32_t *words) { kept[0] = words[0]; kept[1] = words[1]; }
void chisme_restart(void) {}
int32_t chisme_confirm(void) { return -1; }
int32_t chisme_rollback(void) { return -1; }

#endif

/* Seconds that were kept last; -1 if there are none. */
int32_t chisme_kept_seconds(void)
{
	uint32_t words[2];
	load(words);
	return (words[0] ^ words[1]) == MARK ? (int32_t)words[0] : -1;
}

void chisme_keep_seconds(int32_t seconds)
{
	uint32_t words[2];
	words[0] = (uint32_t)seconds;
	words[1] = words[0] ^ MARK;
	store(words);
}
