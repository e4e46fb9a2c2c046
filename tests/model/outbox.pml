/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol that carries one event from a device to one effect in the cloud,
 * under crashes, loss, duplication, reordering and leases that run out early. A budget
 * of faults bounds the state space; within it every interleaving is examined.
 *
 *   Agent --MQTT--> broker --> Ingress --one transaction--> dedupe row + outbox row
 *   Agent <--application acknowledgement-- Ingress                (after that commit)
 *   outbox row --claim, lease, token--> Forwarder --HTTP--> Cloud
 *   Cloud --one transaction--> dedupe row + cloud outbox row --> Relay --> queue
 *   queue --> Consumer --one transaction--> dedupe row + effect
 *
 * What must hold:
 *
 *   S1  effect[e] <= 1: an event takes effect at most once, always
 *   S2  a row becomes ACKED only if the cloud holds the event durably
 *   S3  ACKED is final: no late writer moves the row back
 *   S4  (-DORDER) the cloud accepts the events of one device in their order
 *   S5  a device forgets an event only if the edge holds it durably, when devices
 *       wait for the application acknowledgement
 *   L1  when the faults are spent and everything is quiet, every event has had
 *       exactly one effect, and no device still keeps one
 *   live  (-DLTL) under weak fairness that quiet state is reached
 *
 * Every switch turns ONE rule of the protocol into a rule that looks reasonable and
 * is wrong. check.py demands that the checker refutes each of them; a model that
 * cannot tell right from wrong proves nothing.
 *
 *   AGENT     0 keep until the application acknowledgement | 1 delete at PUBACK
 *   BROKER    0 a crash may forget what it PUBACKed        | 1 it is durable
 *   APPACK    0 acknowledged after the commit              | 1 before it
 *             | 2 only a first sighting is acknowledged, a repeat is not
 *   INGRESS   0 dedupe and row in one transaction          | 1 dedupe commits first
 *             | 2 PUBACK before the commit
 *   RECLAIM   1 every in-flight state expires              | 0 only 'claimed' does
 *   FENCE     1 acks and nacks carry the claim's token     | 0 WHERE id = $1
 *   CLOUD     0 dedupe and cloud outbox in one transaction | 1 dedupe, then publish
 *             | 2 publish, then dedupe (right, if the consumer is idempotent)
 *   CONFIRM   1 publisher confirms are awaited             | 0 fire and forget
 *   CONSUMER  0 effect and dedupe in one transaction       | 1 no dedupe
 *             | 2 dedupe commits before the effect
 *   COUNTTX   0 an outage costs no attempt                 | 1 it does (then DLQ)
 *   ORDCLAIM  0 any due row | 1 only the oldest unacknowledged row of a device
 *   RESPKEY   1 verdicts are matched by the id that was sent
 *             | 0 a verdict that matches nothing reads as success
 *   TTL       0 dedupe keys outlive every retry | 1 those of the cloud may expire
 *             | 2 those of the consumer may, too
 */
#ifndef NEV
#define NEV 2 /* events, all of one device */
#endif
#ifndef NFW
#define NFW 2 /* forwarders */
#endif
#ifndef NCL
#define NCL 1 /* cloud workers */
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef MAXATT
#define MAXATT 2
#endif
#ifndef AGENT
#define AGENT 0
#endif
#ifndef BROKER
#define BROKER 0
#endif
#ifndef APPACK
#define APPACK 0
#endif
#ifndef INGRESS
#define INGRESS 0
#endif
#ifndef RECLAIM
#define RECLAIM 1
#endif
#ifndef FENCE
#define FENCE 1
#endif
#ifndef CLOUD
#define CLOUD 0
#endif
#ifndef CONFIRM
#define CONFIRM 1
#endif
#ifndef CONSUMER
#define CONSUMER 0
#endif
#ifndef COUNTTX
#define COUNTTX 0
#endif
#ifndef ORDCLAIM
#define ORDCLAIM 0
#endif
#ifndef RESPKEY
#define RESPKEY 1
#endif
#ifndef TTL
#define TTL 0
#endif

#define LAST (NEV - 1)
#define FAULT faults > 0 -> faults--

mtype = { NONE, PENDING, CLAIMED, SENDING, ACKED, DLQ, OK, ERR };

byte faults = FAULTS;

/* The device, durable. */
bool dev[NEV];     /* the event is in the device's buffer */

/* The MQTT broker: as durable as BROKER says. */
bool mq[NEV];      /* a message that the edge has not acknowledged yet */
bool ack[NEV];     /* an application acknowledgement on its way to the device */

/* The edge, durable. */
bool idd[NEV];     /* the dedupe row of the ingress */
mtype st[NEV];     /* the outbox row's status; NONE: no row */
byte tok[NEV];     /* the fencing token of its last claim */
bool lease[NEV];   /* the lease has not run out */
bool working[NEV]; /* ghost: the holder of the current token is alive */

/* The cloud, durable. */
bool cdd[NEV];     /* the dedupe row of the ingestion */
bool cob[NEV];     /* a cloud outbox row that is not published yet */
byte q[NEV];       /* copies in the queue */
bool cseen[NEV];   /* the dedupe row of the consumer */
byte effect[NEV];
#if COUNTTX
byte att[NEV];
#endif
#ifdef ORDER
bool first[NEV];   /* ghost: accepted once by the cloud */
#endif

/* The network keeps no order: messages are received at random. */
chan req = [3] of { byte, byte, byte };   /* forwarder, event, attempt */
chan resp = [3] of { byte, mtype, byte }; /* forwarder, verdict, attempt */
byte outst[NFW];   /* ghost: messages of a forwarder that are alive somewhere */

#define DURABLE_EDGE(e) (st[e] != NONE)
#define DURABLE_CLOUD(e) (cob[e] || q[e] > 0 || effect[e] > 0)
#if RECLAIM
#define EXPIRED(e) ((st[e] == CLAIMED || st[e] == SENDING) && !lease[e])
#else
#define EXPIRED(e) (st[e] == CLAIMED && !lease[e])
#endif
#if ORDCLAIM
#define HEAD(e) (e == 0 || st[0] == ACKED)
#else
#define HEAD(e) true
#endif
#define CLAIMABLE(e) ((st[e] == PENDING || EXPIRED(e)) && HEAD(e))
#if FENCE
#define MINE(e, t) (tok[e] == t && (st[e] == CLAIMED || st[e] == SENDING))
#else
#define MINE(e, t) true
#endif

/* ------------------------------------------------------------------ the device */

/* MQTT keeps a publisher's order. Where order is examined, the device also waits for
 * the acknowledgement of one event before it publishes the next: after a broker
 * crash nothing less would do. */
#ifdef ORDER
#define PUBLISHABLE(e) (dev[e] && !mq[e] && !ack[e] && (e == 0 || !dev[0]))
#else
#define PUBLISHABLE(e) (dev[e] && !mq[e] && !ack[e])
#endif

inline forget() {
#if AGENT == 0
  assert(DURABLE_EDGE(e));                                                   /* S5 */
#endif
  dev[e] = false
}

/* Publishes what the broker does not hold and nobody has acknowledged: the first
 * time, and again when the acknowledgement has not come in time. The fault is a
 * timer that runs out while message or acknowledgement are still on their way. */
active proctype Agent() {
  byte e = 0;
end_ag:
  do
  :: atomic {
       if :: PUBLISHABLE(0) -> e = 0 :: NEV > 1 && PUBLISHABLE(LAST) -> e = LAST
          :: dev[0] && !mq[0] && ack[0] && faults > 0 -> faults--; e = 0 fi;
       mq[e] = true;
#if AGENT == 1
       dev[e] = false;                       /* "the broker has it": PUBACK */
#endif
       e = 0 }
  :: atomic {
       if :: ack[0] -> e = 0 :: NEV > 1 && ack[LAST] -> e = LAST fi;
       ack[e] = false;
       if :: FAULT :: else -> forget() :: faults > 0 -> forget() fi; /* lost on the way */
       e = 0 }
  od
}

/* kill -9: what was PUBACKed but not yet written to disk is gone, acknowledgements in
 * its queues with it (measured with the default configuration of Mosquitto). */
#if BROKER == 0
active proctype BrokerCrash() {
  byte i = 0;
end_br:
  do :: d_step { FAULT;
          i = 0; do :: i < NEV -> mq[i] = false; ack[i] = false; i++ :: else -> break od;
          i = 0 }
  od
}
#endif

/* -------------------------------------------------------------------- the edge */

inline take() { if :: mq[0] -> e = 0 :: NEV > 1 && mq[LAST] -> e = LAST fi }
inline store() { if :: idd[e] :: else -> idd[e] = true; st[e] = PENDING fi }

active proctype Ingress() {
  byte e = 0;
  bool repeat = false;
end_in:
#if APPACK == 1
  atomic { take(); ack[e] = true };          /* acknowledged, and not yet stored */
  atomic { if :: FAULT; e = 0; goto end_in :: store() fi };
#elif INGRESS == 0
  atomic { take(); repeat = idd[e]; store() };                 /* the transaction */
#elif INGRESS == 1
  atomic { take(); if :: idd[e] -> repeat = true :: else -> idd[e] = true fi };
  atomic { if :: repeat :: !repeat -> st[e] = PENDING :: FAULT; e = 0; repeat = false;
              goto end_in fi };
#else
  atomic { take(); mq[e] = false };
  atomic { if :: FAULT; e = 0; goto end_in :: store() fi };
#endif
  atomic {                                   /* then PUBACK, then our own word */
    if
    :: FAULT                                 /* crash before PUBACK: redelivered */
    :: FAULT; mq[e] = false                  /* crash between the two */
    :: mq[e] = false;
#if APPACK == 2
       if :: repeat :: else -> ack[e] = true fi
#elif APPACK == 0
       ack[e] = dev[e]                       /* to a device that waits for it */
#endif
    fi;
    e = 0; repeat = false; goto end_in }
}

inline idle() { e = 0; t = 0; r = 0; rs = 0 }
inline crash() { if :: tok[e] == t -> working[e] = false :: else fi; idle() }
inline settle() {
  if
  :: MINE(e, t) -> assert(DURABLE_CLOUD(e));                                 /* S2 */
     st[e] = ACKED; lease[e] = false; working[e] = false
  :: else
  fi;
  idle() }
inline release() {
  if
  :: MINE(e, t) -> assert(st[e] != ACKED);                                   /* S3 */
#if COUNTTX
     att[e]++; if :: att[e] >= MAXATT -> st[e] = DLQ :: else -> st[e] = PENDING fi;
#else
     st[e] = PENDING;
#endif
     lease[e] = false; working[e] = false
  :: else
  fi;
  idle() }

proctype Forwarder(byte me) {
  byte e = 0, t = 0, rs = 0, seq = 0;
  mtype r = 0;
end_fw:
  atomic {                                   /* the claim is one transaction */
    if :: CLAIMABLE(0) -> e = 0 :: NEV > 1 && CLAIMABLE(LAST) -> e = LAST fi;
    st[e] = CLAIMED; tok[e]++; t = tok[e]; lease[e] = true; working[e] = true };
  atomic { if :: FAULT; crash(); goto end_fw
              :: !MINE(e, t) -> idle(); goto end_fw
              :: MINE(e, t) -> st[e] = SENDING fi };
  atomic { if :: FAULT; crash(); goto end_fw
              :: FAULT; release(); goto end_fw              /* no connection */
              :: nfull(req) -> seq++; outst[me]++; req!me,e,seq fi };
wait:
  atomic { if
    :: resp??eval(me),r,rs -> outst[me]--;
       if :: rs != seq -> r = 0; rs = 0; goto wait :: else fi
    :: outst[me] == 0 -> r = 0               /* nothing can come back: timeout */
    :: FAULT; r = 0                          /* gave up; the request may still land */
    :: FAULT; crash(); goto end_fw
    fi };
  atomic { if
    :: r == OK -> settle()
    :: r == OK && faults > 0 -> faults--; crash() /* answered, not written down */
#if RESPKEY == 0
    :: r == ERR -> settle()
    :: r == 0 -> release()
#else
    :: r != OK -> release()
#endif
    fi;
    goto end_fw }
}

/* Leases run out when their holder has died; and, as a fault, while it lives: a
 * pause, a slow disk, a clock that jumped. Dedupe keys expire, where TTL says so. */
active proctype Clock() {
end_ck:
  do
  :: atomic { lease[0] && !working[0] -> lease[0] = false }
  :: atomic { NEV > 1 && lease[LAST] && !working[LAST] -> lease[LAST] = false }
  :: atomic { lease[0] && working[0] && faults > 0 -> faults--; lease[0] = false }
  :: atomic { NEV > 1 && lease[LAST] && working[LAST] && faults > 0 -> faults--;
              lease[LAST] = false }
#if TTL >= 1
  :: atomic { cdd[0] && !cob[0] && faults > 0 -> faults--; cdd[0] = false }
#endif
#if TTL >= 2
  :: atomic { cseen[0] && faults > 0 -> faults--; cseen[0] = false }
#endif
  od
}

/* ------------------------------------------------------------------- the cloud */

inline next_request() { f = 0; e = 0; s = 0 }
inline reply(m) {
  if :: nfull(resp) -> resp!f,m,s :: full(resp) -> outst[f]-- fi; next_request() }
inline died() { outst[f]--; next_request() }
inline duplicate() {                         /* the network may deliver twice */
  if :: nfull(req) && faults > 0 -> faults--; outst[f]++; req!f,e,s :: true fi }
inline accept() {
#ifdef ORDER
  assert(first[e] || e == 0 || first[0]); first[e] = true                    /* S4 */
#else
  skip
#endif
}

active [NCL] proctype Cloud() {
  byte f = 0, e = 0, s = 0;
end_cl:
#if CLOUD == 0
  atomic { req??f,e,s; duplicate();
    if :: FAULT; reply(ERR); goto end_cl                       /* database error */
       :: cdd[e]
       :: !cdd[e] -> cdd[e] = true; cob[e] = true; accept() fi };
#elif CLOUD == 1
  atomic { req??f,e,s; duplicate();
    if :: cdd[e] -> reply(OK); goto end_cl :: else -> cdd[e] = true fi };
  atomic { if :: FAULT; died(); goto end_cl
              :: FAULT; if :: CONFIRM -> reply(ERR); goto end_cl :: !CONFIRM fi
              :: q[e]++; accept() fi };
#else
  atomic { req??f,e,s; duplicate();
    if :: cdd[e] -> reply(OK); goto end_cl
       :: !cdd[e] && q[e] < 3 -> q[e]++; accept()
       :: !cdd[e] && faults > 0 -> faults--;
          if :: CONFIRM -> reply(ERR); goto end_cl :: !CONFIRM fi fi };
  atomic { if :: FAULT; died(); goto end_cl :: cdd[e] = true fi };
#endif
  atomic { if :: reply(OK) :: FAULT; died() fi; goto end_cl } /* answer lost, or crash */
}

#if CLOUD == 0
active proctype Relay() {
  byte e = 0;
end_rl:
  atomic {
    if :: cob[0] -> e = 0 :: NEV > 1 && cob[LAST] -> e = LAST fi;
    if :: q[e] < 3 -> q[e]++
       :: FAULT; if :: CONFIRM -> e = 0; goto end_rl :: !CONFIRM fi fi };
  atomic { if :: FAULT :: cob[e] = false fi;  /* crash before the delete: published twice */
           e = 0; goto end_rl }
}
#endif

active proctype Consumer() {
  byte e = 0;
end_cs:
  atomic {
    if :: q[0] > 0 -> e = 0 :: NEV > 1 && q[LAST] > 0 -> e = LAST fi;
#if CONSUMER == 0
    if :: cseen[e] :: else -> cseen[e] = true; effect[e]++ fi;
#elif CONSUMER == 1
    effect[e]++;
#else
    if :: cseen[e] -> q[e]--; e = 0; goto end_cs :: else -> cseen[e] = true fi;
#endif
    assert(effect[e] <= 1) };                                                /* S1 */
#if CONSUMER == 2
  atomic { if :: FAULT; e = 0; goto end_cs
              :: effect[e]++; assert(effect[e] <= 1) fi };
#endif
  atomic { if :: FAULT :: q[e]-- fi; e = 0; goto end_cs }    /* crash before the ack */
}

/* --------------------------------------------------------------- the judgement */

active proctype Monitor() {                                                  /* L1 */
  byte i = 0;
end_mo:
  timeout ->
  d_step {
    do :: i < NEV -> assert(effect[i] == 1); assert(!dev[i]); i++ :: else -> break od }
}

init {
  byte i = 0;
  atomic {
    do :: i < NEV -> dev[i] = true; st[i] = NONE; i++ :: else -> break od;
    i = 0;
    do :: i < NFW -> run Forwarder(i); i++ :: else -> break od;
    i = 0 }
}

#ifdef LTL
ltl live { <> (effect[0] == 1 && effect[LAST] == 1 && !dev[0] && !dev[LAST]) }
#endif
