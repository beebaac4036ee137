/*
 * What XS asks of a platform, for the 32-bit host that CI measures the engine in. XS includes this
 * file through -DINCLUDE_XSPLATFORM; it decides what a board decides too: 16-bit ids (hence slots of
 * 16 bytes on 32-bit), UTF-8 strings, no debugger. It leaves out threads, sockets and the clock.
 */
#ifndef CHISME_XS_PLATFORM_H
#define CHISME_XS_PLATFORM_H

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#undef mxLittleEndian
#define mxLittleEndian 1
#undef mxLinux
#define mxLinux 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))
#define mxUseGCCAtomics 1

/* Fields the host adds to the machine: its static block (none for the machine that stands for the
   flash), whether promise jobs wait, and three names that XS's Atomics insists on. */
#define mxMachinePlatform \
  void* board; \
  int promiseJobs; \
  void* waiterCondition; \
  void* waiterData; \
  void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultFindModule 1
#define mxUseDefaultLoadModule 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

/* Two runs must give the same bytes and the same count of steps: the date is always 1 January 1970,
   and Math.random() is a fixed sequence. */
typedef struct timeval c_timeval;
#define c_timezone timezone
#define c_gettimeofday(TIME, ZONE) (*(TIME) = (struct timeval){0, 0}, 0)
extern int boardRandom(void);
#define c_rand boardRandom
#define c_srand(SEED) ((void)(SEED))

#endif
