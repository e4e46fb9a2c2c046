/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_FARMIQ_H
#define FARMIQ_FARMIQ_H

/** Everything that is pure. The SQLite and PostgreSQL stores have headers,
 * libraries and pkg-config files of their own. */
#include <farmiq/agg.h>
#include <farmiq/backoff.h>
#include <farmiq/base.h>
#include <farmiq/batch.h>
#include <farmiq/dedupe.h>
#include <farmiq/envelope.h>
#include <farmiq/error.h>
#include <farmiq/event.h>
#include <farmiq/json.h>
#include <farmiq/kpi.h>
#include <farmiq/ledger.h>
#include <farmiq/outbox.h>
#include <farmiq/quantile.h>
#include <farmiq/session.h>
#include <farmiq/sign.h>
#include <farmiq/store.h>
#include <farmiq/thermal.h>
#include <farmiq/time.h>
#include <farmiq/topic.h>
#include <farmiq/uuid.h>
#include <farmiq/version.h>

#endif
