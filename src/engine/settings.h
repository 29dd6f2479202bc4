/* SPDX-License-Identifier: MIT */
/*
 * What moonlever_set() understands: a key and its value as text, into the parts of the engine
 * they are for. The list of keys is in include/moonlever.h.
 *
 *     if (ml_settings_set(e, "max_changes", "100", &err) < 0)
 *         ...err.text says what is wrong with the key or the value...
 */
#ifndef ML_ENGINE_SETTINGS_H
#define ML_ENGINE_SETTINGS_H

#include "engine/engine.h"

/* Strings are copied. -1: ML_USAGE (unknown key, bad value) or ML_MEMORY; nothing has changed
 * then. */
int ml_settings_set(struct ml_engine *e, const char *key, const char *value,
                    struct ml_err *err);

#endif
