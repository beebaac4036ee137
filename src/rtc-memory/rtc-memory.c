/*
 * Memory that a deep sleep does not lose, and the deep sleep itself, for XS of the Moddable SDK. index.ts checks all
 * arguments.
 *
 * ESP32    static memory of the RTC. A reset that is no end of a deep sleep fills it with zeros.
 * ESP8266  the RTC memory for users: 512 bytes from block 64 on, in blocks of 4 bytes. The SDK's clock has the first 16
 *          blocks (RTC_TIME_BASE). After a power cut it holds anything.
 * others   static memory, so that an application also runs in the SDK's simulator; there is no deep sleep.
 */
#include "xs.h"
#include "xsHost.h"
#include <stdint.h>
#include <string.h>

#if ESP32
  #include "esp_attr.h"
  #include "esp_sleep.h"
  #include "esp_system.h"
  #ifndef CHISME_KEPT_BYTES
    #define CHISME_KEPT_BYTES 4096
  #endif
  #define SLEEP_SECONDS_MAX 1728000
static RTC_DATA_ATTR uint8_t kept[CHISME_KEPT_BYTES];
#elif defined(__ets__)
  #include "user_interface.h"
  #define FIRST_BLOCK (64 + 16)
  #define CHISME_KEPT_BYTES (512 - 64)
  /* The time is a uint32 in microseconds. */
  #define SLEEP_SECONDS_MAX 4294
extern void system_deep_sleep_instant(uint32_t microseconds);
#else
  #ifndef CHISME_KEPT_BYTES
    #define CHISME_KEPT_BYTES 4096
  #endif
  #define SLEEP_SECONDS_MAX 0
static uint8_t kept[CHISME_KEPT_BYTES];
#endif

/* What is copied at one time, a multiple of a block. */
#define PIECE_BYTES 64

/* Offsets and sizes are multiples of a block, but for the size at the end. */
static void readMemory(int offset, uint32_t* piece, int size)
{
#if defined(__ets__) && !ESP32
  system_rtc_mem_read((uint8)(FIRST_BLOCK + offset / 4), piece, (uint16)size);
#else
  memcpy(piece, kept + offset, (size_t)size);
#endif
}

static void writeMemory(int offset, const uint32_t* piece, int size)
{
#if defined(__ets__) && !ESP32
  system_rtc_mem_write((uint8)(FIRST_BLOCK + offset / 4), piece, (uint16)((size + 3) & ~3));
#else
  memcpy(kept + offset, piece, (size_t)size);
#endif
}

/* size() */
void xs_chisme_kept_size(xsMachine* the)
{
  xsResult = xsInteger(CHISME_KEPT_BYTES);
}

/* read(buffer): fills an ArrayBuffer of size() bytes, and clears the mark, the first block. */
void xs_chisme_kept_read(xsMachine* the)
{
  uint32_t piece[PIECE_BYTES / 4];
  for (int offset = 0; offset < CHISME_KEPT_BYTES; offset += PIECE_BYTES) {
    int size = CHISME_KEPT_BYTES - offset < PIECE_BYTES ? CHISME_KEPT_BYTES - offset : PIECE_BYTES;
    readMemory(offset, piece, size);
    xsSetArrayBufferData(xsArg(0), offset, piece, size);
  }
  memset(piece, 0, 4);
  writeMemory(0, piece, 4);
}

/* write(buffer): at most size() bytes. */
void xs_chisme_kept_write(xsMachine* the)
{
  uint32_t piece[PIECE_BYTES / 4] = { 0 };
  int length = (int)xsGetArrayBufferLength(xsArg(0));
  if (length > CHISME_KEPT_BYTES)
    xsRangeError("too many bytes");
  for (int offset = 0; offset < length; offset += PIECE_BYTES) {
    int size = length - offset < PIECE_BYTES ? length - offset : PIECE_BYTES;
    xsGetArrayBufferData(xsArg(0), offset, piece, size);
    writeMemory(offset, piece, size);
  }
}

/* sleepMax(): the longest deep sleep in seconds; 0: there is none. */
void xs_chisme_sleep_max(xsMachine* the)
{
  xsResult = xsInteger(SLEEP_SECONDS_MAX);
}

/* wokeUp(): whether this start is the end of a deep sleep. */
void xs_chisme_woke_up(xsMachine* the)
{
#if ESP32
  xsResult = xsBoolean(esp_reset_reason() == ESP_RST_DEEPSLEEP);
#elif defined(__ets__)
  xsResult = xsBoolean(system_get_rst_info()->reason == REASON_DEEP_SLEEP_AWAKE);
#else
  xsResult = xsBoolean(0);
#endif
}

#if defined(__ets__) && !ESP32
/* Outside of the machine, as the SDK's own deep sleep. */
static void sleepNow(void* machine, void* seconds, uint8_t* message, uint16_t length)
{
  (void)machine;
  (void)message;
  (void)length;
  system_deep_sleep_instant((uint32_t)(uintptr_t)seconds * 1000000u);
}
#endif

/* deepSleep(seconds): 1 to sleepMax(). */
void xs_chisme_deep_sleep(xsMachine* the)
{
#if ESP32
  esp_sleep_enable_timer_wakeup((uint64_t)xsToInteger(xsArg(0)) * 1000000u);
  esp_deep_sleep_start();
#elif defined(__ets__)
  modMessagePostToMachine(the, NULL, 0, sleepNow, (void*)(uintptr_t)xsToInteger(xsArg(0)));
#else
  xsUnknownError("this platform has no deep sleep");
#endif
}
