/*
 * xs32 BUNDLE.js [--static BYTES] [--stack SLOTS] [--plain]
 *
 * Runs a script bundle under XS as an ESP8266 board would, and talks to it line by line. The bundle
 * sets `globalThis.harness = { line(text) { return "…"; } }`. Each line of standard input is one
 * call, its result one line of standard output. Lines that begin with "!" are for the host:
 *   !gc       collects garbage; answers "ok"
 *   !memory   collects garbage; answers one line of JSON, all numbers in bytes unless named otherwise
 *   !meter    answers the steps XS has made since the last !meter, and starts again from 0
 *
 * --static BYTES  size of the static block (32768)
 * --stack SLOTS   size of the JavaScript stack, part of the static block (256)
 * --plain         no board: the bundle runs where it was loaded, and memory has no limit
 */
#include "board.h"
#include "xs.h"

typedef struct {
  char* bytes;
  size_t length;
  size_t capacity;
} txBuffer;

static txBuffer input, output;
static uint64_t meter;
static txSize bundleSlots, bundleChunks;

static void reserve(txBuffer* buffer, size_t extra)
{
  if (buffer->length + extra <= buffer->capacity)
    return;
  buffer->capacity = (buffer->length + extra) * 2;
  buffer->bytes = realloc(buffer->bytes, buffer->capacity);
  if (!buffer->bytes)
    exit(EXIT_USAGE);
}

void hostFlush(void)
{
  size_t offset = 0;
  while (offset < output.length) {
    ssize_t count = write(STDOUT_FILENO, output.bytes + offset, output.length - offset);
    if (count < 0 && errno != EINTR)
      _exit(EXIT_USAGE);
    if (count > 0)
      offset += (size_t)count;
  }
  output.length = 0;
}

static void answer(const char* text, size_t length)
{
  reserve(&output, length + 1);
  memcpy(output.bytes + output.length, text, length);
  output.bytes[output.length + length] = '\n';
  output.length += length + 1;
}

static void fail(int status, const char* text)
{
  hostFlush();
  fprintf(stderr, "xs: %s\n", text);
  _exit(status);
}

/* Called with the exception in xsException; must not throw again. */
static void failException(xsMachine* the, const char* where)
{
  hostFlush();
  fprintf(stderr, "xs: exception: %s: ", where);
  xsTry {
    fprintf(stderr, "%s\n", xsToString(xsException));
    if (xsTypeOf(xsException) == xsReferenceType) {
      xsResult = xsGet(xsException, xsID("stack"));
      fprintf(stderr, "%s\n", xsToString(xsResult));
    }
  }
  xsCatch {
    fprintf(stderr, "(it can't be shown)\n");
  }
  _exit(EXIT_EXCEPTION);
}

/* print(…values): the one function the script gets from the host; for debugging, to stderr. */
static void print(xsMachine* the)
{
  xsIntegerValue count = xsToInteger(xsArgc);
  for (xsIntegerValue index = 0; index < count; index++)
    fprintf(stderr, "%s%s", index ? " " : "", xsToString(xsArg(index)));
  fputc('\n', stderr);
}

void xs_chisme_kept_size(xsMachine* the);
void xs_chisme_kept_read(xsMachine* the);
void xs_chisme_kept_write(xsMachine* the);
void xs_chisme_sleep_max(xsMachine* the);
void xs_chisme_woke_up(xsMachine* the);
void xs_chisme_deep_sleep(xsMachine* the);

static const struct { const char* name; void (*call)(xsMachine*); } natives[] = {
  { "xs_chisme_kept_size", xs_chisme_kept_size }, { "xs_chisme_kept_read", xs_chisme_kept_read },
  { "xs_chisme_kept_write", xs_chisme_kept_write }, { "xs_chisme_sleep_max", xs_chisme_sleep_max },
  { "xs_chisme_woke_up", xs_chisme_woke_up }, { "xs_chisme_deep_sleep", xs_chisme_deep_sleep },
};

/* native(name): a C function of the library, which the SDK's compiler binds. */
static void native(xsMachine* the)
{
  const char* name = xsToString(xsArg(0));
  for (size_t index = 0; index < sizeof(natives) / sizeof(*natives); index++) {
    if (!strcmp(name, natives[index].name)) {
      xsResult = xsNewHostFunction(natives[index].call, 1);
      return;
    }
  }
  xsUnknownError("there is no such function");
}

static char* readFile(const char* path, size_t* length)
{
  txBuffer buffer = { NULL, 0, 0 };
  FILE* file = fopen(path, "rb");
  if (!file)
    fail(EXIT_BUNDLE, "the bundle can't be read");
  for (;;) {
    reserve(&buffer, 65536);
    size_t count = fread(buffer.bytes + buffer.length, 1, 65535, file);
    if (!count)
      break;
    buffer.length += count;
  }
  fclose(file);
  buffer.bytes[buffer.length] = 0;
  *length = buffer.length;
  return buffer.bytes;
}

static void runBundle(txMachine* the, txStringCStream* stream)
{
  txSlot* realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
  txScript* script = fxParseScript(the, stream, fxStringCGetter, mxProgramFlag | mxStrictFlag);
  fxRunScript(the, script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference,
    C_NULL, mxProgram.value.reference);
  mxPop();
}

static void runPromiseJobs(txMachine* the)
{
  while (the->promiseJobs) {
    the->promiseJobs = 0;
    fxRunPromiseJobs(the);
  }
}

static void loadBundle(xsMachine* the, const char* path)
{
  txStringCStream stream = { NULL, 0, 0 };
  size_t length;
  stream.buffer = readFile(path, &length);
  stream.size = (txSize)length;
  xsBeginHost(the);
  {
    xsVars(1);
    xsTry {
      xsVar(0) = xsNewHostFunction(print, 1);
      xsSet(xsGlobal, xsID("print"), xsVar(0));
      xsVar(0) = xsNewHostFunction(native, 1);
      xsSet(xsGlobal, xsID("native"), xsVar(0));
      fxCollectGarbage(the);
      bundleSlots = the->currentHeapCount;
      bundleChunks = the->currentChunksSize;
      runBundle(the, &stream);
      runPromiseJobs(the);
      xsVar(0) = xsGet(xsGlobal, xsID("harness"));
      if (xsTypeOf(xsVar(0)) != xsReferenceType || !xsHas(xsVar(0), xsID("line")))
        fail(EXIT_BUNDLE, "the bundle sets no globalThis.harness with a function line(text)");
    }
    xsCatch {
      failException(the, "while the bundle was loaded");
    }
  }
  xsEndHost(the);
  free(stream.buffer);
  fxCollectGarbage(the);
  bundleSlots = the->currentHeapCount - bundleSlots;
  bundleChunks = the->currentChunksSize - bundleChunks;
}

/* The machine that stands for the flash. It may grow as it likes, but its name tables have the size
   of the board's, because the small machine starts from a copy of them. */
static txMachine* openFlash(const txCreation* board)
{
  txCreation creation = *board;
  creation.initialChunkSize = creation.incrementalChunkSize = 1024 * 1024;
  creation.initialHeapCount = creation.incrementalHeapCount = 64 * 1024;
  creation.stackCount = 4096;
  creation.initialKeyCount = creation.incrementalKeyCount = 1024;
  creation.parserBufferSize = 64 * 1024;
  creation.parserTableModulo = 1993;
  return fxCreateMachine(&creation, "flash", NULL, XS_NO_ID);
}

static txMachine* openMachine(const char* path, txSize staticBytes, txSize stackSlots, int plain)
{
  static txBoard board;
  txCreation creation = boardCreation(staticBytes, stackSlots);
  txMachine* the = openFlash(&creation);
  loadBundle(the, path);
  if (!plain) {
    preloadFreeze(the);
    fxShareMachine(the);
    preloadSeal(the);
    boardOpen(&board, staticBytes);
    the = fxCloneMachine(&creation, the, "board", &board);
  }
  boardPaintStack(the);
  return the;
}

static void callLine(xsMachine* the, char* text, size_t length, txID harness, txID line)
{
  the->meterIndex = 0;
  xsBeginHost(the);
  xsTry {
    xsResult = xsGet(xsGlobal, harness);
    xsResult = xsCall1(xsResult, line, xsStringBuffer(text, (xsIntegerValue)length));
    runPromiseJobs(the);
    fxCheckUnhandledRejections(the, 1);
    if (xsTypeOf(xsResult) != xsStringType && xsTypeOf(xsResult) != xsStringXType)
      fail(EXIT_ANSWER, "answer: harness.line returned something other than a string");
    char* result = xsToString(xsResult);
    size_t size = strlen(result);
    if (memchr(result, '\n', size))
      fail(EXIT_ANSWER, "answer: harness.line returned more than one line");
    answer(result, size);
  }
  xsCatch {
    failException(the, "in harness.line");
  }
  xsEndHost(the);
  meter += the->meterIndex;
}

static void answerMemory(txMachine* the)
{
  char text[640];
  txBoard* board = the->board;
  fxCollectGarbage(the);
  txSize tail = the->maximumChunksSize - the->currentChunksSize;
  txSize freeSlots = the->maximumHeapCount - the->currentHeapCount;
  int length = snprintf(text, sizeof(text),
    "{\"slotBytes\":%d,\"slots\":%d,\"slotsAllocated\":%d,\"chunks\":%d,\"chunksAllocated\":%d,"
    "\"stack\":%d,\"stackUsedMax\":%d,\"meter\":%llu,"
    "\"static\":{\"size\":%d,\"free\":%d,\"available\":%d},"
    "\"tables\":{\"keys\":%d,\"names\":%d,\"aliases\":%d},"
    "\"bundle\":{\"slots\":%d,\"chunks\":%d}}",
    (int)sizeof(txSlot), (int)(the->currentHeapCount * sizeof(txSlot)),
    (int)(the->maximumHeapCount * sizeof(txSlot)), (int)the->currentChunksSize,
    (int)the->maximumChunksSize, (int)((the->stackTop - the->stackBottom) * sizeof(txSlot)),
    (int)boardStackMax(the), (unsigned long long)meter,
    board ? (int)board->size : 0, board ? (int)boardFree(board) : 0,
    board ? (int)(boardFree(board) + tail + freeSlots * sizeof(txSlot)) : 0,
    (int)((the->keyCount - the->keyOffset) * sizeof(txSlot*)),
    (int)((the->nameModulo + the->symbolModulo) * sizeof(txSlot*)),
    (int)(the->aliasCount * sizeof(txSlot*)),
    (int)(bundleSlots * sizeof(txSlot)), (int)bundleChunks);
  answer(text, (size_t)length);
}

static void runCommand(txMachine* the, const char* command)
{
  char text[32];
  if (!strcmp(command, "!memory"))
    answerMemory(the);
  else if (!strcmp(command, "!gc")) {
    fxCollectGarbage(the);
    answer("ok", 2);
  }
  else if (!strcmp(command, "!meter")) {
    int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)meter);
    meter = 0;
    answer(text, (size_t)length);
  }
  else
    fail(EXIT_USAGE, "usage: the commands are !gc, !memory and !meter");
}

/* Answers are handed over before each wait for more input: one by one to a caller that waits for
   each, in bulk to a caller that doesn't. */
static void serve(txMachine* the)
{
  txID harness = fxID(the, "harness"), line = fxID(the, "line");
  size_t start = 0, seen = 0;
  for (;;) {
    char* end = seen < input.length
      ? memchr(input.bytes + seen, '\n', input.length - seen) : NULL;
    if (end) {
      char* text = input.bytes + start;
      *end = 0;
      if (*text == '!')
        runCommand(the, text);
      else
        callLine(the, text, (size_t)(end - text), harness, line);
      start = seen = (size_t)(end + 1 - input.bytes);
      continue;
    }
    memmove(input.bytes, input.bytes + start, input.length - start);
    input.length -= start;
    start = 0;
    seen = input.length;
    hostFlush();
    reserve(&input, 65536);
    ssize_t count = read(STDIN_FILENO, input.bytes + input.length, 65536);
    if (count == 0)
      return;
    if (count < 0 && errno != EINTR)
      fail(EXIT_USAGE, "standard input can't be read");
    if (count > 0)
      input.length += (size_t)count;
  }
}

int main(int argc, char** argv)
{
  const char* path = NULL;
  int staticBytes = 32768, stackSlots = 256, plain = 0;
  for (int index = 1; index < argc; index++) {
    if (!strcmp(argv[index], "--plain"))
      plain = 1;
    else if (!strcmp(argv[index], "--static") && index + 1 < argc)
      staticBytes = atoi(argv[++index]);
    else if (!strcmp(argv[index], "--stack") && index + 1 < argc)
      stackSlots = atoi(argv[++index]);
    else if (!path && argv[index][0] != '-')
      path = argv[index];
    else
      path = NULL, index = argc;
  }
  if (!path || staticBytes < 8192 || stackSlots < 128)
    fail(EXIT_USAGE, "usage: xs32 BUNDLE.js [--static BYTES, 8192 or more] [--stack SLOTS, 128 or more] [--plain]");
  serve(openMachine(path, staticBytes, stackSlots, plain));
  return 0;
}
