// liveload: N live viewers (RTMP play, HTTP-FLV, Windows Media over HTTP, or raw RTMP chunk stream) against one server,
// with an optional built-in RTMP publisher, so delivery can be verified message by message and
// the relay latency measured. Samples the server's CPU time and memory from /proc.
#include "common.h"

enum { M_RTMP, M_FLV, M_RAW, M_WMSP };
typedef struct { uint32_t ts, len, got; uint8_t type, ext; } cstate;
typedef struct {
  int fd, state;            // 0 connecting 1 handshake 2 streaming
  double t_conn, t_up;
  uint64_t bytes, bytes0, bytes1, since_ack, total_in;
  uint32_t hs, in_chunk, win;
  cstate cs[16]; int cur;
  uint8_t hdr[20]; int hn, hneed, stage;
  uint8_t ctl[16]; uint32_t crc, chunk_left;
  uint8_t seen0;
  int hpos; int chunked; uint64_t ck_left; int ck_stage; // http
  int fstage; uint32_t flen, fgot; uint8_t ftype;
  int vpos, apos; uint32_t vmsgs, amsgs, vmsgs0, amsgs0, gaps, unknown; uint64_t pay, pay0, pay1;
  uint8_t *c1;
  uint32_t wloc; uint8_t wseq; int wany;    // newest $D: packet number, sequence
  int dead;
} conn;

static flvfile flv; static int have_flv; static int mode; static double *sent_at; // by tag index
static int *vidx, *aidx, nv, na;          // tag indexes of video and audio messages without sequence headers
static uint32_t *hkeys; static int *hvals; static uint32_t hmask;
static int measuring; static double *lat; static size_t nlat, caplat;
static conn *C; static int N; static char app[64] = "live", stream[128] = "s", query[128] = "", host[64] = "127.0.0.1"; static int port = 1935;
static double tnow;

static void hput(uint32_t k, int v) { uint32_t i = k & hmask; while (hvals[i] >= 0) i = (i + 1) & hmask; hkeys[i] = k; hvals[i] = v; }
static int hget(uint32_t k) { uint32_t i = k & hmask; while (hvals[i] >= 0) { if (hkeys[i] == k) return hvals[i]; i = (i + 1) & hmask; } return -1; }

static void on_msg(conn *c, int type, uint32_t len, uint32_t crc) {
  if (type != 8 && type != 9) return;
  c->pay += len;
  if (!have_flv) { if (type == 9) c->vmsgs++; else c->amsgs++; return; }
  int *pos = type == 9 ? &c->vpos : &c->apos; int n = type == 9 ? nv : na; int *idx = type == 9 ? vidx : aidx;
  int at = -1;
  if (*pos >= 0) {
    int nx = *pos + 1 == n ? 0 : *pos + 1;
    if (flv.t[idx[nx]].crc == crc && flv.t[idx[nx]].len == len) at = nx;
  }
  if (at < 0) {
    int h = hget(crc ^ (type == 9 ? 0x9e3779b9u : 0));
    if (h < 0) { c->unknown++; return; }   // sequence header or foreign
    if (h == INT32_MAX) return;            // sequence header
    if (*pos >= 0) c->gaps++;
    at = h;
  }
  *pos = at; if (type == 9) c->vmsgs++; else c->amsgs++;
  if (measuring && sent_at && type == 9 && sent_at[idx[at]] > 0) {
    if (nlat < caplat) lat[nlat++] = tnow - sent_at[idx[at]];
  }
}

static void xsend(int fd, const void *b, size_t n) { // small control sends
  const uint8_t *p = b; int spins = 0;
  while (n) { ssize_t k = send(fd, p, n, MSG_NOSIGNAL); if (k < 0) { if (errno == EAGAIN && spins++ < 2000) { usleep(500); continue; } return; } p += k; n -= k; }
}
static uint8_t *amf_s(uint8_t *p, const char *s) { size_t n = strlen(s); *p++ = 2; *p++ = n >> 8; *p++ = n; memcpy(p, s, n); return p + n; }
static uint8_t *amf_n(uint8_t *p, double d) { uint64_t v; memcpy(&v, &d, 8); *p++ = 0; for (int i = 7; i >= 0; i--) *p++ = v >> (8 * i); return p; }
static uint8_t *amf_k(uint8_t *p, const char *s) { size_t n = strlen(s); *p++ = n >> 8; *p++ = n; memcpy(p, s, n); return p + n; }
static size_t rtmp_hdr(uint8_t *o, int csid, int type, uint32_t msid, uint32_t ts, uint32_t len) {
  uint8_t *p = o; uint32_t t3 = ts >= 0xffffff ? 0xffffff : ts;
  *p++ = csid; *p++ = t3 >> 16; *p++ = t3 >> 8; *p++ = t3; *p++ = len >> 16; *p++ = len >> 8; *p++ = len; *p++ = type;
  *p++ = msid; *p++ = msid >> 8; *p++ = msid >> 16; *p++ = msid >> 24;
  if (t3 == 0xffffff) { *p++ = ts >> 24; *p++ = ts >> 16; *p++ = ts >> 8; *p++ = ts; }
  return p - o;
}
static uint8_t *put_msg(uint8_t *p, int csid, int type, uint32_t msid, uint32_t ts, const uint8_t *b, uint32_t len) {
  p += rtmp_hdr(p, csid, type, msid, ts, len); memcpy(p, b, len); return p + len;
}
static size_t build_start(uint8_t *out, int publish, const char *st) {
  uint8_t b[1024], *q, *p = out; char tc[160];
  uint8_t cs[4] = {0, 0, 0xea, 0x60};
  p = put_msg(p, 2, 1, 0, 0, cs, 4);
  snprintf(tc, sizeof tc, "rtmp://%s:%d/%s", host, port, app);
  q = amf_s(b, "connect"); q = amf_n(q, 1); *q++ = 3;
  q = amf_k(q, "app"); q = amf_s(q, app); q = amf_k(q, "flashVer"); q = amf_s(q, publish ? "FMLE/3.0" : "LNX 9,0,124,2");
  q = amf_k(q, "tcUrl"); q = amf_s(q, tc); q = amf_k(q, "capabilities"); q = amf_n(q, 15); q = amf_k(q, "audioCodecs"); q = amf_n(q, 4071);
  q = amf_k(q, "videoCodecs"); q = amf_n(q, 252); q = amf_k(q, "videoFunction"); q = amf_n(q, 1);
  *q++ = 0; *q++ = 0; *q++ = 9; p = put_msg(p, 3, 20, 0, 0, b, q - b);
  if (publish) {
    q = amf_s(b, "releaseStream"); q = amf_n(q, 2); *q++ = 5; q = amf_s(q, st); p = put_msg(p, 3, 20, 0, 0, b, q - b);
    q = amf_s(b, "FCPublish"); q = amf_n(q, 3); *q++ = 5; q = amf_s(q, st); p = put_msg(p, 3, 20, 0, 0, b, q - b);
  }
  q = amf_s(b, "createStream"); q = amf_n(q, 4); *q++ = 5; p = put_msg(p, 3, 20, 0, 0, b, q - b);
  if (publish) { q = amf_s(b, "publish"); q = amf_n(q, 5); *q++ = 5; q = amf_s(q, st); q = amf_s(q, "live"); }
  else { q = amf_s(b, "play"); q = amf_n(q, 5); *q++ = 5; q = amf_s(q, st); q = amf_n(q, -2000); }
  p = put_msg(p, 8, 20, 1, 0, b, q - b);
  if (!publish) { uint8_t ub[10] = {0, 3, 0, 0, 0, 1, 0, 0, 0, 100}; p = put_msg(p, 2, 4, 0, 0, ub, 10); }
  return p - out;
}

// chunk stream parser over arbitrary byte ranges
static void rtmp_feed(conn *c, const uint8_t *p, size_t n) {
  while (n) {
    if (c->stage == 0) { // collecting header
      c->hdr[c->hn++] = *p++; n--;
      if (c->hn == 1) {
        static const int mh[4] = {11, 7, 3, 0};
        c->cur = c->hdr[0] & 63; if (c->cur < 2 || c->cur > 15) { c->cur = 15; if ((c->hdr[0] & 63) < 2) { c->dead = 3; return; } }
        c->hneed = 1 + mh[c->hdr[0] >> 6];
        if (c->hneed > 1) continue;
      }
      if (c->hn < c->hneed) continue;
      int fmt = c->hdr[0] >> 6; cstate *s = &c->cs[c->cur];
      if (c->hn == c->hneed && fmt < 3) { s->ext = c->hdr[1] == 255 && c->hdr[2] == 255 && c->hdr[3] == 255; }
      int base = 1 + (fmt == 0 ? 11 : fmt == 1 ? 7 : fmt == 2 ? 3 : 0);
      if (s->ext && c->hneed == base) { c->hneed = base + 4; continue; }
      if (fmt < 3) s->ts = c->hdr[1] << 16 | c->hdr[2] << 8 | c->hdr[3];
      if (fmt < 2) { s->len = c->hdr[4] << 16 | c->hdr[5] << 8 | c->hdr[6]; s->type = c->hdr[7]; }
      if (s->got == 0) c->crc = 0;
      uint32_t left = s->len - s->got; c->chunk_left = left < c->in_chunk ? left : c->in_chunk;
      c->hn = 0; c->stage = 1;
      if (c->chunk_left) continue;
    }
    cstate *s = &c->cs[c->cur];
    uint32_t k = n < c->chunk_left ? n : c->chunk_left;
    if (s->type == 8 || s->type == 9) { if (s->got == 0) c->crc = 0; c->crc = s->got == 0 ? crc_add(0, p, k) : crc_add(c->crc, p, k); }
    else for (uint32_t i = 0; i < k && s->got + i < 16; i++) c->ctl[s->got + i] = p[i];
    s->got += k; c->chunk_left -= k; p += k; n -= k;
    if (c->chunk_left == 0) {
      c->stage = 0;
      if (s->got == s->len) {
        s->got = 0;
        uint8_t *b = c->ctl;
        if (s->type == 1) c->in_chunk = (b[0] & 127) << 24 | b[1] << 16 | b[2] << 8 | b[3];
        else if (s->type == 5) c->win = (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        else if (s->type == 4 && b[0] == 0 && b[1] == 6) { uint8_t o[32], r[6] = {0, 7, b[2], b[3], b[4], b[5]}; uint8_t *e = put_msg(o, 2, 4, 0, 0, r, 6); xsend(c->fd, o, e - o); }
        else on_msg(c, s->type, s->len, c->crc);
      }
    }
  }
}
// NOTE: crc is kept per connection, so interleaved partial messages on different chunk streams
// would break verification; servers here send each message's chunks contiguously.

static void flv_feed(conn *c, const uint8_t *p, size_t n) {
  while (n) {
    if (c->fstage == 0) { uint32_t k = 13 - c->fgot; if (k > n) k = n; c->fgot += k; p += k; n -= k; if (c->fgot == 13) { c->fstage = 1; c->fgot = 0; } }
    else if (c->fstage == 1) {
      while (n && c->fgot < 11) { c->hdr[c->fgot++] = *p++; n--; }
      if (c->fgot == 11) { c->ftype = c->hdr[0] & 31; c->flen = c->hdr[1] << 16 | c->hdr[2] << 8 | c->hdr[3]; c->fgot = 0; c->crc = 0; c->fstage = c->flen ? 2 : 3; }
    } else if (c->fstage == 2) {
      uint32_t k = c->flen - c->fgot; if (k > n) k = n;
      c->crc = crc_add(c->crc, p, k); c->fgot += k; p += k; n -= k;
      if (c->fgot == c->flen) { on_msg(c, c->ftype, c->flen, c->crc); c->fgot = 0; c->fstage = 3; }
    } else { uint32_t k = 4 - c->fgot; if (k > n) k = n; c->fgot += k; p += k; n -= k; if (c->fgot == 4) { c->fgot = 0; c->fstage = 1; } }
  }
}
// Windows Media frames: 4 bytes, then for $D 8 more and one data packet. Numbers and sequence must go on without a gap, both lengths be
// equal, and a packet have the same bytes for every viewer.
static uint32_t wcrc[65536], wloc[65536];
static void wmsp_feed(conn *c, const uint8_t *p, size_t n) {
  while (n) {
    if (c->fstage == 0) {
      while (n && c->fgot < 4) { c->hdr[c->fgot++] = *p++; n--; }
      if (c->fgot < 4) return;
      if ((c->hdr[0] & 0x7f) != '$') { c->dead = 5; return; }
      c->ftype = c->hdr[1]; c->flen = c->hdr[2] | c->hdr[3] << 8; c->fgot = 0; c->crc = 0; c->fstage = c->flen ? 1 : 0;
    } else {
      if (c->ftype == 'D' && c->fgot < 8) {
        while (n && c->fgot < 8) { c->hdr[4 + c->fgot++] = *p++; n--; }
        if (c->fgot == 8 && (uint32_t)(c->hdr[10] | c->hdr[11] << 8) != c->flen) { c->dead = 6; return; }
        if (c->fgot < 8 || c->flen > 8) continue;
      }
      uint32_t k = c->flen - c->fgot; if (k > n) k = n;
      if (c->ftype == 'D') c->crc = crc_add(c->crc, p, k);
      c->fgot += k; p += k; n -= k;
      if (c->fgot < c->flen) continue;
      c->fgot = 0; c->fstage = 0;
      if (c->ftype != 'D') continue;
      uint32_t loc = c->hdr[4] | c->hdr[5] << 8 | c->hdr[6] << 16 | (uint32_t)c->hdr[7] << 24;
      uint8_t seq = c->hdr[9];
      if (c->wany ? loc != c->wloc + 1 || seq != (uint8_t)(c->wseq + 1) : seq != 0) c->gaps++;
      uint32_t slot = loc & 65535;
      if (wloc[slot] != loc + 1) { wloc[slot] = loc + 1; wcrc[slot] = c->crc; }
      else if (wcrc[slot] != c->crc) c->gaps++;
      c->wany = 1; c->wloc = loc; c->wseq = seq; c->vmsgs++; c->pay += c->flen - 8;
    }
  }
}
static void body_feed(conn *c, const uint8_t *p, size_t n) { if (mode == M_WMSP) wmsp_feed(c, p, n); else flv_feed(c, p, n); }
static void http_feed(conn *c, const uint8_t *p, size_t n) {
  static const char *te = "chunked";
  while (n) {
    if (c->hpos >= 0) { // header: find \r\n\r\n, detect chunked by substring
      uint8_t ch = *p++; n--;
      static const char *end = "\r\n\r\n";
      if (ch == end[c->hpos]) c->hpos++; else c->hpos = ch == '\r';
      if (tolower(ch) == te[c->ck_stage]) { if (++c->ck_stage == 7) { c->chunked = 1; c->ck_stage = 0; } } else c->ck_stage = tolower(ch) == 'c';
      if (c->hpos == 4) { c->hpos = -1; c->ck_stage = 0; c->ck_left = 0; }
    } else if (!c->chunked) { body_feed(c, p, n); return; }
    else if (c->ck_stage == 0) { // size line
      uint8_t ch = *p++; n--;
      if (ch == '\n') c->ck_stage = 1;
      else if (isxdigit(ch)) c->ck_left = c->ck_left * 16 + (ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
    } else if (c->ck_stage == 1) {
      size_t k = c->ck_left < n ? c->ck_left : n; body_feed(c, p, k); p += k; n -= k; c->ck_left -= k;
      if (!c->ck_left) c->ck_stage = 2;
    } else { uint8_t ch = *p++; n--; if (ch == '\n') { c->ck_stage = 0; c->ck_left = 0; } }
  }
}

static uint8_t buf[1 << 20];
static int up;
static void on_up(conn *c) { c->t_up = now_s(); c->state = 2; up++; }
static void on_readable(conn *c) {
  for (;;) {
    ssize_t k = recv(c->fd, buf, sizeof buf, 0);
    if (k < 0) { if (errno != EAGAIN && errno != EINTR) c->dead = 1; return; }
    if (k == 0) { c->dead = 2; return; }
    c->bytes += k; c->total_in += k;
    uint8_t *p = buf; size_t n = k;
    if (mode == M_RTMP && c->state == 1) {
      uint32_t need = 3073 - c->hs; uint32_t take = n < need ? n : need;
      for (uint32_t i = 0; i < take; i++) { uint32_t at = c->hs + i; if (at >= 1 && at < 1537) c->c1[at - 1] = p[i]; }
      c->hs += take; p += take; n -= take;
      if (c->hs == 3073) { uint8_t o[4096]; memcpy(o, c->c1, 1536); size_t m = 1536 + build_start(o + 1536, 0, stream); xsend(c->fd, o, m); free(c->c1); c->c1 = 0; c->state = 3; }
      if (!n) continue;
    }
    uint32_t before = c->vmsgs + c->amsgs;
    if (mode == M_FLV || mode == M_WMSP) http_feed(c, p, n); else rtmp_feed(c, p, n);
    if (c->state == 3 && c->vmsgs + c->amsgs > before) on_up(c);
    if (mode == M_RTMP && c->win) { c->since_ack += k; if (c->since_ack >= c->win / 2) { c->since_ack = 0; uint8_t o[32], r[4] = {c->total_in >> 24, c->total_in >> 16, c->total_in >> 8, c->total_in}; uint8_t *e = put_msg(o, 2, 3, 0, 0, r, 4); xsend(c->fd, o, e - o); } }
    if (k < (ssize_t)sizeof buf) return;
  }
}

// ---- built-in publishers -------------------------------------------------------
typedef struct { int fd; int next; double t0; int loop; uint64_t sent; uint8_t *pend; size_t pn, pcap; int first; } pub;
static pub *P; static int NP; static uint64_t pub_bytes;
static void pub_open(pub *u, const char *st) {
  u->fd = tcp_connect_nb(host, port);
  int fl = fcntl(u->fd, F_GETFL); fcntl(u->fd, F_SETFL, fl & ~O_NONBLOCK);
  struct timeval tv = {3, 0}; setsockopt(u->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  uint8_t o[8192]; memset(o, 0, 1537); o[0] = 3; for (int i = 9; i < 1537; i++) o[i] = rand();
  usleep(2000); xsend(u->fd, o, 1537);
  size_t g = 0; uint8_t s[3073]; while (g < 3073) { ssize_t k = recv(u->fd, s + g, 3073 - g, 0); if (k <= 0) { fprintf(stderr, "publisher handshake failed\n"); exit(1); } g += k; }
  memcpy(o, s + 1, 1536); size_t m = 1536 + build_start(o + 1536, 1, st); xsend(u->fd, o, m);
  double end = now_s() + 3; uint8_t r[8192]; size_t rn = 0; int okk = 0; // wait for the publish status
  while (now_s() < end && !okk) { ssize_t k = recv(u->fd, r + rn, sizeof r - rn, 0); if (k <= 0) break; rn += k; if (memmem(r, rn, "NetStream.Publish.Start", 23)) okk = 1; if (rn == sizeof r) rn = 0; }
  if (!okk) fprintf(stderr, "no publish status (continuing)\n");
  fcntl(u->fd, F_SETFL, fl | O_NONBLOCK);
}
static void pub_flush(pub *u) { while (u->pn) { ssize_t k = send(u->fd, u->pend, u->pn, MSG_NOSIGNAL); if (k <= 0) return; memmove(u->pend, u->pend + k, u->pn - k); u->pn -= k; } }
static void pub_tick(pub *u, double t, int record) {
  if (u->pn) pub_flush(u);
  for (;;) {
    flvtag *g = &flv.t[u->next]; double due = u->t0 + (g->ts + (double)u->loop * flv.duration) / 1000.0;
    if (due > t) break;
    static uint8_t o[1 << 21]; uint32_t ts = g->ts + (uint32_t)u->loop * flv.duration; uint8_t *p = o;
    if (g->type == 18) { if (u->loop == 0) { uint8_t b[4096]; uint8_t *q = amf_s(b, "@setDataFrame"); memcpy(q, g->data, g->len); p = put_msg(p, 4, 18, 1, ts, b, (q - b) + g->len); } }
    else if (!(g->seqhdr && u->loop)) p = put_msg(p, g->type == 9 ? 6 : 5, g->type, 1, ts, g->data, 0) , p -= 0;
    if (g->type != 18 && !(g->seqhdr && u->loop)) { // rebuild with real length, chunked at 60000
      p = o; p += rtmp_hdr(p, g->type == 9 ? 6 : 5, g->type, 1, ts, g->len);
      for (uint32_t off = 0; off < g->len;) { uint32_t k = g->len - off < 60000 ? g->len - off : 60000; memcpy(p, g->data + off, k); p += k; off += k; if (off < g->len) *p++ = 0xc0 | (g->type == 9 ? 6 : 5); }
    }
    size_t m = p - o;
    if (m) {
      if (record) sent_at[u->next] = now_s();
      ssize_t k = u->pn ? 0 : send(u->fd, o, m, MSG_NOSIGNAL); if (k < 0) k = 0;
      if ((size_t)k < m) { if (u->pn + m > u->pcap) u->pend = realloc(u->pend, u->pcap = u->pn + m + (1 << 20)); memcpy(u->pend + u->pn, o + k, m - k); u->pn += m - k; }
      u->sent += g->len; pub_bytes += m;
    }
    if (++u->next == flv.n) { u->next = 0; u->loop++; }
  }
  // drain server messages on this connection
  uint8_t d[4096]; while (recv(u->fd, d, sizeof d, 0) > 0) {}
}

int main(int argc, char **argv) {
  int rate = 400, pid = 0, coalesce = 10, o; double warm = 5, dur = 20; const char *pubfile = 0, *reffile = 0, *label = ""; char path[256] = ""; int builtin = 0; int pubonly = 0; double speed_scale = 1; (void)speed_scale;
  while ((o = getopt(argc, argv, "m:H:p:a:s:n:r:w:t:P:c:u:f:l:U:x:q:")) != -1) switch (o) {
    case 'm': mode = !strcmp(optarg, "rtmp") ? M_RTMP : !strcmp(optarg, "flv") ? M_FLV : !strcmp(optarg, "wmsp") ? M_WMSP : M_RAW; break;
    case 'H': snprintf(host, sizeof host, "%s", optarg); break; case 'p': port = atoi(optarg); break;
    case 'a': snprintf(app, sizeof app, "%s", optarg); break; case 's': snprintf(stream, sizeof stream, "%s", optarg); break;
    case 'n': N = atoi(optarg); break; case 'r': rate = atoi(optarg); break; case 'w': warm = atof(optarg); break; case 't': dur = atof(optarg); break;
    case 'P': pid = atoi(optarg); break; case 'c': coalesce = atoi(optarg); break;
    case 'u': pubfile = optarg; builtin = 1; break; case 'f': reffile = optarg; break; case 'l': label = optarg; break; case 'U': NP = atoi(optarg); break;
    case 'q': snprintf(query, sizeof query, "%s", optarg); break; // appended to the published stream name: ?key=...
    case 'x': snprintf(path, sizeof path, "%s", optarg); break;
    default: fprintf(stderr, "see README\n"); return 2; }
  signal(SIGPIPE, SIG_IGN); raise_nofile();
  if (pubfile || reffile) {
    flv = flv_load(pubfile ? pubfile : reffile); have_flv = 1;
    hmask = 1; while (hmask < (uint32_t)flv.n * 4) hmask <<= 1; hkeys = calloc(hmask, 4); hvals = malloc(hmask * 4); for (uint32_t i = 0; i < hmask; i++) hvals[i] = -1; hmask--;
    vidx = malloc(flv.n * 4); aidx = malloc(flv.n * 4); sent_at = builtin ? calloc(flv.n, 8) : 0;
    for (int i = 0; i < flv.n; i++) { flvtag *g = &flv.t[i]; if (g->type != 8 && g->type != 9) continue;
      if (g->seqhdr) { hput(g->crc ^ (g->type == 9 ? 0x9e3779b9u : 0), INT32_MAX); continue; }
      if (g->type == 9) { hput(g->crc ^ 0x9e3779b9u, nv); vidx[nv++] = i; } else { hput(g->crc, na); aidx[na++] = i; } }
    caplat = 8000000; lat = malloc(caplat * 8);
  }
  if (builtin && !NP) NP = 1;
  P = calloc(NP ? NP : 1, sizeof *P); C = calloc(N ? N : 1, sizeof *C); pubonly = N == 0;
  int mypub_port = port; char *pp = getenv("PUBPORT"); int flvport = port; if (pp) { port = atoi(pp); mypub_port = port; } (void)mypub_port;
  for (int i = 0; i < NP; i++) { char st[320]; if (NP == 1) snprintf(st, sizeof st, "%s%s", stream, query); else snprintf(st, sizeof st, "%s%d%s", stream, i, query); pub_open(&P[i], st); P[i].t0 = now_s(); }
  port = flvport;
  int ep = epoll_create1(0); struct epoll_event ev[1024];
  double start = now_s(), t_up_done = 0; int launched = 0;
  double head = (NP && N) ? 3.0 : 0; // let the publisher fill a GOP first
  pidset ps = {0}; pidset_collect(&ps, pid);
  uint64_t cpu0 = 0, cpu_c0 = pidset_cpu(&ps); double tm0 = 0, self0 = 0; uint64_t pubpay0 = 0; double conn_done_cpu = 0; int phase = 0; uint64_t pb0 = 0;
  double last_progress = now_s();
  for (;;) {
    double t = now_s(); tnow = t;
    for (int i = 0; i < NP; i++) pub_tick(&P[i], t, i == 0 && NP == 1);
    if (t - start >= head) {
      int want = (int)((t - start - head) * rate) + 1; if (want > N) want = N;
      while (launched < want) { conn *c = &C[launched++]; c->fd = tcp_connect_nb(host, port); c->t_conn = now_s(); c->in_chunk = mode == M_RAW ? 60000 : 128; c->vpos = c->apos = -1;
        struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e); }
    }
    int k = epoll_wait(ep, ev, 1024, coalesce > 0 ? 0 : 2);
    tnow = now_s();
    for (int i = 0; i < k; i++) {
      conn *c = ev[i].data.ptr; if (c->dead) continue;
      if (c->state == 0 && (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int er = 0; socklen_t l = sizeof er; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &er, &l); if (er) { c->dead = 4; continue; }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
        if (mode == M_RTMP) { c->c1 = malloc(1536); uint8_t h[1537]; memset(h, 0, 1537); h[0] = 3; for (int j = 9; j < 1537; j++) h[j] = j * 31 + launched; xsend(c->fd, h, 1537); c->state = 1; }
        else if (mode == M_FLV) { char rq[512]; int m = path[0] ? snprintf(rq, sizeof rq, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: liveload\r\nAccept: */*\r\n\r\n", path, host, port) : snprintf(rq, sizeof rq, "GET /%s/%s.flv HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: liveload\r\nAccept: */*\r\n\r\n", app, stream, host, port); xsend(c->fd, rq, m); c->state = 3; }
        else if (mode == M_WMSP) { char rq[768]; int m = snprintf(rq, sizeof rq, "GET /%s/%s HTTP/1.0\r\nHost: %s:%d\r\nUser-Agent: NSPlayer/4.1.0.3856\r\nPragma: no-cache,rate=1.000000,request-context=2\r\nPragma: xPlayStrm=1\r\nPragma: stream-switch-count=2\r\nPragma: stream-switch-entry=ffff:1:0 ffff:2:0\r\n\r\n", app, stream, host, port); xsend(c->fd, rq, m); c->state = 3; }
        else { c->state = 3; }
        continue;
      }
      if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
      if (c->dead) { epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, 0); if (getenv("VERBOSE")) fprintf(stderr, "conn %ld dead %d errno %d bytes %lu\n", (long)(c - C), c->dead, errno, c->bytes); }
    }
    if (phase == 0 && launched == N) {
      int dead = 0; for (int i = 0; i < N; i++) dead += C[i].dead != 0;
      if (up + dead >= N || t - start - head > (double)N / rate + 15) { phase = 1; t_up_done = t; conn_done_cpu = (pidset_cpu(&ps) - cpu_c0) / 1e9; }
    } else if (phase == 1 && t - t_up_done >= warm) {
      phase = 2; pidset_collect(&ps, pid); cpu0 = pidset_cpu(&ps); tm0 = now_s(); self0 = self_cpu_s(); measuring = 1; pb0 = pub_bytes;
      for (int i = 0; i < N; i++) { C[i].bytes0 = C[i].bytes; C[i].pay0 = C[i].pay; C[i].vmsgs0 = C[i].vmsgs; C[i].amsgs0 = C[i].amsgs; }
      pubpay0 = NP ? P[0].sent : 0;
    } else if (phase == 2 && t - tm0 >= dur) break;
    if (coalesce > 0) { struct timespec ts = {0, coalesce * 1000000L}; nanosleep(&ts, 0); }
    (void)last_progress;
  }
  double el = now_s() - tm0; double cpu = (pidset_cpu(&ps) - cpu0) / 1e9, self = self_cpu_s() - self0; long pss = pidset_pss_kb(&ps);
  uint64_t tot = 0, minb = ~0ull, maxb = 0, pay = 0; int dead = 0, okv = 0; uint64_t gaps = 0, unk = 0; double setup = 0; uint32_t minv = ~0u, maxv = 0; int alive = 0;
  uint64_t pubpay = NP ? P[0].sent - pubpay0 : 0; double ups[1]; (void)ups;
  double *st = malloc((N + 1) * 8); int ns = 0;
  for (int i = 0; i < N; i++) { conn *c = &C[i]; if (c->dead || c->state != 2) { dead++; continue; } alive++;
    uint64_t b = c->bytes - c->bytes0; tot += b; if (b < minb) minb = b; if (b > maxb) maxb = b; uint64_t y = c->pay - c->pay0; pay += y;
    uint32_t v = c->vmsgs - c->vmsgs0; if (v < minv) minv = v; if (v > maxv) maxv = v;
    gaps += c->gaps; unk += c->unknown; st[ns++] = c->t_up - c->t_conn;
    if (!c->gaps && (!have_flv || c->vmsgs)) okv++; }
  qsort(st, ns, 8, cmp_dbl); setup = ns ? st[ns / 2] : 0;
  double l50 = 0, l95 = 0, l99 = 0, lm = 0; if (nlat) { qsort(lat, nlat, 8, cmp_dbl); l50 = lat[nlat / 2]; l95 = lat[(size_t)(nlat * .95)]; l99 = lat[(size_t)(nlat * .99)]; for (size_t i = 0; i < nlat; i++) lm += lat[i]; lm /= nlat; }
  double mb = tot / 1e6;
  printf("{\"label\":\"%s\",\"n\":%d,\"alive\":%d,\"dead\":%d,\"intact\":%d,\"gaps\":%lu,\"sec\":%.1f,\"cpu_pct\":%.2f,\"cpu_pct_per_100\":%.3f,\"cpu_s_per_GB\":%.3f,\"mbps_per_viewer\":%.4f,\"min_over_max_bytes\":%.4f,\"vmsgs_min\":%u,\"vmsgs_max\":%u,\"pay_vs_pub\":%.4f,\"pss_mb\":%.1f,\"client_cpu_pct\":%.1f,\"setup_ms_p50\":%.1f,\"setup_ms_max\":%.1f,\"connect_cpu_s\":%.3f,\"lat_ms\":[%.1f,%.1f,%.1f,%.1f],\"pub_mbps\":%.2f}\n",
    label, N, alive, dead, okv, gaps, el, cpu / el * 100, N ? cpu / el * 100 / N * 100 : 0, mb ? cpu / (mb / 1000) : 0, alive ? tot * 8 / 1e6 / el / alive : 0, maxb ? (double)minb / maxb : 0, minv == ~0u ? 0 : minv, maxv, pubpay && alive ? (double)pay / alive / pubpay : 0, pss / 1024.0, self / el * 100, setup * 1e3, ns ? st[ns - 1] * 1e3 : 0, conn_done_cpu, lm * 1e3, l50 * 1e3, l95 * 1e3, l99 * 1e3, (pub_bytes - pb0) * 8 / 1e6 / el);
  (void)unk; (void)pubonly;
  return 0;
}
