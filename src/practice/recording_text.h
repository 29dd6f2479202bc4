/* SPDX-License-Identifier: MIT */
/*
 * One recording as JSON, with every member of the service's description.
 *
 * A few recordings leave something out, because the service does not say
 * whether it may be missing (SD-12): one in 50 has helpdesk_info null, one in 50
 * has no customer, one in ten has no ticket.
 */
#ifndef ML_PRACTICE_RECORDING_TEXT_H
#define ML_PRACTICE_RECORDING_TEXT_H

#include "practice/recordings.h"

/* Adds the object. */
void ml_recording_text(const struct ml_recordings *r, const struct ml_recording *rec,
                       struct ml_out *o);

#endif
