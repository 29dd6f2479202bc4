/* SPDX-License-Identifier: MIT */
/*
 * One table a kind of effect; ml_retry_judge looks faults up first, then the
 * status. tests/unit/test_retry.c holds the same rules as a written table.
 */
#include "policy/retry.h"

#include <math.h>

#define BASE_US 200000.0
#define BASE_REJECTED_US 1000000.0
#define CAP_US 60000000.0

#define TOKENS 500.0
#define COST 14.0
#define COST_REJECTED 5.0
#define GAIN 1.0

/* 520 to 529 come from proxies in front of a server that broke (CDNs), like 502 and 504. */
static bool is_gateway(int status)
{
    return status == 502 || status == 504 || (status >= 520 && status <= 529);
}

static bool is_transient(int status)
{
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 503 ||
           is_gateway(status);
}

static enum ml_verdict judge_fault(enum ml_effect effect, const struct ml_evidence *e)
{
    bool final = e->fault == ML_FAULT_CERT || e->fault == ML_FAULT_REFUSED;
    if (e->sends == 0)
        return final ? ML_HOPELESS : ML_UNSENT;
    if (effect != ML_READ)
        return ML_UNKNOWN;
    return final || e->fault == ML_FAULT_TOO_LARGE ? ML_HOPELESS : ML_AGAIN;
}

/* 429 and 425 say that the request was not processed (RFC 6585 4, RFC 8470 5.2). 408, and 503
 * with Retry-After, say so as a rule: enough for a write that ends the same when it is done
 * twice, not for a create. */
static enum ml_verdict judge_write(enum ml_effect effect, const struct ml_evidence *e)
{
    bool absolute = effect == ML_ABSOLUTE;
    if (e->status == 429 || e->status == 425)
        return effect == ML_ONCE ? ML_ANSWERED : ML_AGAIN;
    bool shed = e->status == 408 || (e->status == 503 && e->retry_after);
    return absolute && shed ? ML_AGAIN : ML_UNKNOWN;
}

enum ml_verdict ml_retry_judge(enum ml_effect effect, const struct ml_evidence *e)
{
    if (e->fault != ML_FAULT_NONE)
        return judge_fault(effect, e);
    if (!is_transient(e->status))
        return ML_ANSWERED;
    return effect == ML_READ ? ML_AGAIN : judge_write(effect, e);
}

bool ml_retry_rejected(const struct ml_evidence *e)
{
    if (e->fault != ML_FAULT_NONE)
        return false;
    return e->status == 429 || (e->status == 503 && e->retry_after);
}

int64_t ml_retry_delay_us(unsigned attempt, bool rejected, int64_t retry_after_ms,
                          double random01)
{
    int doublings = attempt < 2 ? 0 : attempt > 32 ? 31 : (int)attempt - 1;
    double most = fmin(CAP_US, ldexp(rejected ? BASE_REJECTED_US : BASE_US, doublings));
    int64_t jitter = (int64_t)(most * random01);
    if (retry_after_ms < 0)
        return jitter;
    if (retry_after_ms > ML_RETRY_AFTER_MAX_MS)
        retry_after_ms = ML_RETRY_AFTER_MAX_MS;
    /* Spread over 10 %, so that those who were told the same do not come back as one. */
    int64_t floor_us =
        retry_after_ms * 1000 + (int64_t)((double)retry_after_ms * 100 * random01);
    return jitter > floor_us ? jitter : floor_us;
}

void ml_budget_create(struct ml_budget *b)
{
    *b = (struct ml_budget){.tokens = TOKENS};
}

bool ml_budget_pay(struct ml_budget *b, bool rejected)
{
    double cost = rejected ? COST_REJECTED : COST;
    if (b->tokens < cost)
        return false;
    b->tokens -= cost;
    return true;
}

void ml_budget_refund(struct ml_budget *b, double paid)
{
    b->tokens = fmin(TOKENS, b->tokens + (paid > 0 ? paid : GAIN));
    b->probes = 0;
}

int64_t ml_budget_probe_us(struct ml_budget *b)
{
    double wait = fmin(CAP_US, ldexp(1e6, b->probes < 31 ? (int)b->probes : 31));
    b->probes++;
    return (int64_t)wait;
}
