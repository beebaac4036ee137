/* The hooks through which XS asks its platform for memory, and through which it gives up. */
#include "board.h"

/* The numbers of the Moddable SDK's manifest for the ESP8266 (and its base manifest for keys). */
txCreation boardCreation(txSize staticBytes, txSize stackSlots)
{
  return (txCreation){
    .initialChunkSize = 1536, .incrementalChunkSize = 512,
    .initialHeapCount = 512, .incrementalHeapCount = 64,
    .stackCount = stackSlots,
    .initialKeyCount = 32, .incrementalKeyCount = 32,
    .nameModulo = 53, .symbolModulo = 3,
    .parserBufferSize = 1024, .parserTableModulo = 17,
    .staticSize = staticBytes,
  };
}

void boardOpen(txBoard* board, txSize size)
{
  board->size = size & ~15;
  board->base = aligned_alloc(16, board->size);
  if (!board->base) {
    fprintf(stderr, "xs: no %d bytes for the static block\n", (int)size);
    exit(EXIT_USAGE);
  }
  board->bottom = board->base;
  board->top = board->base + board->size;
}

txSize boardFree(const txBoard* board)
{
  return (txSize)(board->top - board->bottom);
}

void fxCreateMachinePlatform(txMachine* the)
{
  the->board = the->context;
}

void fxDeleteMachinePlatform(txMachine* the)
{
  (void)the;
}

/*
 * XS asks for a whole further block, header included. On a board there is only ever one: it is made
 * longer by no more than what its free tail lacks. XS then adds `size` to the block's limit and
 * `size` to its count, hence both are set back beforehand.
 */
void* fxAllocateChunks(txMachine* the, txSize size)
{
  txBoard* board = the->board;
  txBlock* block = the->firstBlock;
  if (!board)
    return malloc(size);
  if (!block) {
    if (size > boardFree(board))
      return NULL;
    board->bottom += size;
    return board->bottom - size;
  }
  txSize tail = (txSize)(block->limit - block->current);
  txSize lack = size - (txSize)sizeof(txBlock) - tail;
  if (lack > boardFree(board))
    return NULL;
  board->bottom += lack;
  the->maximumChunksSize -= size - lack;
  block->limit = board->bottom - size;
  return block->limit;
}

/* Slots can't move but chunks can: when the two meet, chunks are compacted and give back their tail. */
static void giveBackChunks(txMachine* the, txBoard* board)
{
  txBlock* block = the->firstBlock;
  if (!block || !(the->collectFlag & XS_COLLECTING_FLAG))
    return;
  fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
  the->maximumChunksSize -= (txSize)(block->limit - block->current);
  block->limit = block->current;
  board->bottom = block->current;
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
  txBoard* board = the->board;
  txSize size = count * (txSize)sizeof(txSlot);
  if (!board)
    return malloc(size);
  if (size > boardFree(board))
    giveBackChunks(the, board);
  if (size > boardFree(board))
    return NULL;
  board->top -= size;
  return (txSlot*)board->top;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
  if (!the->board)
    free(chunks);
}

void fxFreeSlots(txMachine* the, void* slots)
{
  if (!the->board)
    free(slots);
}

void fxQueuePromiseJobs(txMachine* the)
{
  the->promiseJobs = 1;
}

int boardRandom(void)
{
  static txU4 state = 1;
  state = state * 1103515245u + 12345u;
  return (int)(state >> 1);
}

/*
 * The unused part of the stack is filled with a pattern; what no longer shows it has been used. XS
 * also borrows the far end of the stack as scratch memory, to print floats and to match regular
 * expressions: a stretch of slots that still show the pattern divides the two.
 */
#define PAINT 0xA5
#define UNTOUCHED_SLOTS 8

void boardPaintStack(txMachine* the)
{
  memset(the->stackBottom, PAINT, (size_t)((txU1*)the->stack - (txU1*)the->stackBottom));
}

static int isPainted(const txSlot* slot)
{
  const txU1* bytes = (const txU1*)slot;
  for (size_t index = 0; index < sizeof(txSlot); index++)
    if (bytes[index] != PAINT)
      return 0;
  return 1;
}

txSize boardStackMax(txMachine* the)
{
  txSlot* deepest = the->stack;
  for (txSlot* slot = the->stack - 1; slot >= the->stackBottom; slot--) {
    if (!isPainted(slot))
      deepest = slot;
    else if (deepest - slot >= UNTOUCHED_SLOTS)
      break;
  }
  return (txSize)((txU1*)the->stackTop - (txU1*)deepest);
}

static void describeMemory(txMachine* the)
{
  txBoard* board = the->board;
  if (!board) {
    fprintf(stderr, "xs: memory: the machine without a static block can't grow\n");
    return;
  }
  fprintf(stderr, "xs: memory: the static block of %d bytes is full: stack %d, slots %d (%d in use), "
    "chunks %d (%d in use), free %d\n", (int)board->size,
    (int)((the->stackTop - the->stackBottom) * sizeof(txSlot)),
    (int)(the->maximumHeapCount * sizeof(txSlot)), (int)(the->currentHeapCount * sizeof(txSlot)),
    (int)the->maximumChunksSize, (int)the->currentChunksSize, (int)boardFree(board));
}

static int describeStack(txMachine* the)
{
  char here;
  /* XS says "stack overflow" for both of its stacks; the C stack is the one whose limit is near. */
  if (&here <= the->stackLimit + 4096) {
    fprintf(stderr, "xs: C stack: native calls are nested too deep\n");
    return EXIT_C_STACK;
  }
  fprintf(stderr, "xs: stack: the JavaScript stack of %d slots is full\n",
    (int)(the->stackTop - the->stackBottom));
  return EXIT_STACK;
}

void fxAbort(txMachine* the, int status)
{
  int code = EXIT_CHECK;
  hostFlush();
  switch (status) {
  case XS_NOT_ENOUGH_MEMORY_EXIT:
    describeMemory(the);
    code = EXIT_MEMORY;
    break;
  case XS_STACK_OVERFLOW_EXIT:
    code = describeStack(the);
    break;
  case XS_NO_MORE_KEYS_EXIT:
    fprintf(stderr, "xs: keys: no room for a further property name (%d)\n", (int)the->keyCount);
    code = EXIT_KEYS;
    break;
  case XS_UNHANDLED_EXCEPTION_EXIT:
    fprintf(stderr, "xs: exception: not handled\n");
    code = EXIT_EXCEPTION;
    break;
  case XS_UNHANDLED_REJECTION_EXIT:
    fprintf(stderr, "xs: rejection: a promise was rejected and nobody handled it\n");
    code = EXIT_REJECTION;
    break;
  default:
    fprintf(stderr, "xs: check: XS stopped with its status %d\n", status);
  }
  _exit(code);
}
