/*
 * Makes of a machine what the SDK's linker makes of preloaded modules: read-only memory that a small
 * machine on the board refers to. The bundle is evaluated in a large machine; what code can't change
 * any more is frozen; the machine is shared; the small machine is cloned from it and owns nothing but
 * what it allocates itself, and a copy of whatever object it writes to (an alias).
 *
 * Two calls, around XS's own fxShareMachine: preloadFreeze, fxShareMachine, preloadSeal.
 */
#include "board.h"

typedef void (*txVisit)(txMachine* the, txSlot* slot);

static void eachSlot(txMachine* the, txVisit visit)
{
  for (txSlot* heap = the->firstHeap; heap; heap = heap->next) {
    txSlot* end = heap->value.reference;
    for (txSlot* slot = heap + 1; slot < end; slot++)
      visit(the, slot);
  }
}

static int isFunctionKind(txKind kind)
{
  return kind == XS_CALLBACK_KIND || kind == XS_CALLBACK_X_KIND
    || kind == XS_CODE_KIND || kind == XS_CODE_X_KIND;
}

/* Kinds whose content lies in a chunk or in a table that an alias would go on sharing. The linker
   freezes them, so that a Uint8Array made by a preloaded module is a constant: writing to it throws. */
static int isUncopiableKind(txKind kind)
{
  switch (kind) {
  case XS_ARRAY_BUFFER_KIND: case XS_DATA_VIEW_KIND: case XS_TYPED_ARRAY_KIND:
  case XS_MAP_KIND: case XS_SET_KIND: case XS_WEAK_MAP_KIND: case XS_WEAK_SET_KIND:
  case XS_WEAK_REF_KIND: case XS_REGEXP_KIND: case XS_PROMISE_KIND: case XS_PROXY_KIND:
    return 1;
  default:
    return 0;
  }
}

static void freezeInstance(txSlot* instance)
{
  for (txSlot* property = instance->next; property; property = property->next) {
    property->flag |= XS_DONT_DELETE_FLAG;
    if (property->kind != XS_ACCESSOR_KIND)
      property->flag |= XS_DONT_SET_FLAG;
  }
  instance->flag |= XS_DONT_PATCH_FLAG;
}

static void freezePrototypeOf(txSlot* function)
{
  for (txSlot* property = function->next; property; property = property->next)
    if (property->ID == mxID(_prototype) && property->kind == XS_REFERENCE_KIND)
      freezeInstance(property->value.reference);
}

static void freezeSlot(txMachine* the, txSlot* slot)
{
  (void)the;
  if (slot->kind == XS_CLOSURE_KIND && slot->value.closure) {
    /* A variable that holds a function is taken for a declaration. */
    txSlot* variable = slot->value.closure;
    if (variable->kind == XS_REFERENCE_KIND && mxIsFunction(variable->value.reference))
      variable->flag |= XS_DONT_SET_FLAG;
    return;
  }
  txSlot* internal = slot->next;
  if (slot->kind != XS_INSTANCE_KIND || !internal || !(internal->flag & XS_INTERNAL_FLAG))
    return;
  if (isFunctionKind(internal->kind)) {
    freezeInstance(slot);
    if (slot->flag & XS_CAN_CONSTRUCT_FLAG)
      freezePrototypeOf(slot);
  }
  else if (internal->ID == XS_ENVIRONMENT_BEHAVIOR || isUncopiableKind(internal->kind))
    freezeInstance(slot);
}

void preloadFreeze(txMachine* the)
{
  /* The built-in constructors, prototypes and namespaces; not the machine's own state before them. */
  for (int index = XS_SYMBOL_ID_COUNT; index < mxEmptyCodeStackIndex; index++) {
    txSlot* slot = &the->stackPrototypes[-1 - index];
    if (index > mxInstanceInspectorsStackIndex && slot->kind == XS_REFERENCE_KIND)
      freezeInstance(slot->value.reference);
  }
  eachSlot(the, freezeSlot);
}

/* Says that the content lies in read-only memory, so that the small machine's collector, when it
   meets a copy of the slot, neither marks nor moves what it points to. */
static void externalise(txSlot* slot)
{
  switch (slot->kind) {
  case XS_STRING_KIND: slot->kind = XS_STRING_X_KIND; break;
  case XS_BIGINT_KIND: slot->kind = XS_BIGINT_X_KIND; break;
  case XS_KEY_KIND: slot->kind = XS_KEY_X_KIND; break;
  case XS_CODE_KIND: slot->kind = XS_CODE_X_KIND; break;
  default: break;
  }
}

static void externaliseSlot(txMachine* the, txSlot* slot)
{
  externalise(slot);
  if (slot->kind == XS_ARRAY_KIND && slot->value.array.address) {
    txIndex count = fxGetIndexSize(the, slot);
    for (txIndex index = 0; index < count; index++)
      externalise(slot->value.array.address + index);
  }
}

static int isPropertyFrozen(txSlot* property)
{
  return (property->flag & XS_DONT_DELETE_FLAG)
    && (property->kind == XS_ACCESSOR_KIND || (property->flag & XS_DONT_SET_FLAG));
}

static int isInstanceFrozen(txMachine* the, txSlot* instance)
{
  if (!(instance->flag & XS_DONT_PATCH_FLAG))
    return 0;
  for (txSlot* property = instance->next; property; property = property->next) {
    if (property->kind == XS_ARRAY_KIND && property->value.array.address) {
      txIndex count = fxGetIndexSize(the, property);
      for (txIndex index = 0; index < count; index++)
        if (!isPropertyFrozen(property->value.array.address + index))
          return 0;
    }
    else if (!(property->flag & XS_INTERNAL_FLAG) && !isPropertyFrozen(property))
      return 0;
  }
  return 1;
}

/* What a frozen object holds in internal slots must refuse writes too. */
static void sealInternals(txSlot* instance)
{
  for (txSlot* property = instance->next; property; property = property->next) {
    if (!(property->flag & XS_INTERNAL_FLAG))
      break;
    if (isUncopiableKind(property->kind) || property->kind == XS_DATE_KIND)
      property->flag |= XS_DONT_SET_FLAG;
    if (property->kind != XS_PRIVATE_KIND)
      continue;
    for (txSlot* field = property->value.private.first; field; field = field->next) {
      field->flag |= XS_DONT_DELETE_FLAG;
      if (field->kind != XS_ACCESSOR_KIND)
        field->flag |= XS_DONT_SET_FLAG;
    }
  }
}

static void clearVariable(txMachine* the, txSlot* slot)
{
  (void)the;
  if (slot->kind == XS_CLOSURE_KIND && slot->value.closure
      && !(slot->value.closure->flag & XS_DONT_SET_FLAG))
    slot->value.closure->ID = XS_NO_ID;
}

static void numberSlot(txMachine* the, txSlot* slot)
{
  if (slot->kind == XS_INSTANCE_KIND) {
    if (isInstanceFrozen(the, slot)) {
      slot->ID = XS_NO_ID;
      sealInternals(slot);
    }
    else
      slot->ID = the->aliasCount++;
  }
  else if (slot->kind == XS_CLOSURE_KIND && slot->value.closure) {
    txSlot* variable = slot->value.closure;
    if (!(variable->flag & XS_DONT_SET_FLAG) && variable->ID == XS_NO_ID)
      variable->ID = the->aliasCount++;
  }
}

void preloadSeal(txMachine* the)
{
  eachSlot(the, externaliseSlot);
  for (txSlot* slot = the->stack; slot < the->stackTop; slot++)
    externalise(slot);
  /* fxShareMachine numbers aliases from 0, which also means "none": number again, from 1. */
  eachSlot(the, clearVariable);
  the->aliasCount = 1;
  eachSlot(the, numberSlot);
}
