/* The static block of an ESP8266 board, and the ways a run can end. */
#ifndef CHISME_XS_BOARD_H
#define CHISME_XS_BOARD_H

#include "xsAll.h"

/*
 * One block holds everything that JavaScript allocates at run time:
 *
 *   base                bottom              top            base + size
 *   | chunks, growing up ->|      free      |<- slots, growing down |
 *
 * The first slots taken from the top are the JavaScript stack. Keys, name tables and aliases lie
 * outside, as on the board.
 */
typedef struct {
  txByte* base;
  txByte* bottom;
  txByte* top;
  txSize size;
} txBoard;

/* Exit statuses. test/xs/xs.ts knows the same numbers. */
enum {
  EXIT_USAGE = 64,
  EXIT_BUNDLE = 65,     /* the bundle can't be read, or sets no harness.line */
  EXIT_ANSWER = 66,     /* harness.line returned something that isn't one line of text */
  EXIT_MEMORY = 81,     /* the static block is full */
  EXIT_STACK = 82,      /* the JavaScript stack is full */
  EXIT_CHECK = 83,      /* XS found itself inconsistent */
  EXIT_EXCEPTION = 85,
  EXIT_KEYS = 86,
  EXIT_REJECTION = 88,
  EXIT_C_STACK = 90
};

extern txCreation boardCreation(txSize staticBytes, txSize stackSlots);
extern void boardOpen(txBoard* board, txSize size);
extern txSize boardFree(const txBoard* board);
extern void boardPaintStack(txMachine* the);
extern txSize boardStackMax(txMachine* the);

/* host.c: hands over the answers given so far. */
extern void hostFlush(void);

/* preload.c */
extern void preloadFreeze(txMachine* the);
extern void preloadSeal(txMachine* the);

#endif
