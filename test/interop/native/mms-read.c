/* Reads a Windows Media stream by libmms and writes header and packets to a file: a peer in tests.
 *   mms-read URL FILE [SECONDS [BYTES]]
 * SECONDS seeks before reading, BYTES stops after so many (a live stream has no end). Prints what libmms says of the stream. */
#include <libmms/mmsx.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: mms-read URL FILE [SECONDS [BYTES]]\n");
    return 2;
  }
  double seconds = argc > 3 ? atof(argv[3]) : 0;
  long long most = argc > 4 ? atoll(argv[4]) : -1;
  mmsx_t *stream = mmsx_connect(NULL, NULL, argv[1], 1024 * 1024);
  if (stream == NULL) {
    fprintf(stderr, "cannot connect\n");
    return 1;
  }
  printf("length %llu packet %llu seekable %d seconds %.1f\n", (unsigned long long)mmsx_get_length(stream), (unsigned long long)mmsx_get_asf_packet_len(stream),
         mmsx_get_seekable(stream), mmsx_get_time_length(stream));
  FILE *out = fopen(argv[2], "wb");
  if (out == NULL) {
    perror(argv[2]);
    mmsx_close(stream);
    return 1;
  }
  char buffer[65536];
  long long total = 0;
  if (seconds > 0) {
    /* Reading goes on behind the header then. */
    total = mmsx_peek_header(stream, buffer, sizeof buffer);
    fwrite(buffer, 1, (size_t)total, out);
    if (!mmsx_time_seek(NULL, stream, seconds)) {
      fprintf(stderr, "seek failed\n");
      mmsx_close(stream);
      return 1;
    }
  }
  for (;;) {
    int got = mmsx_read(NULL, stream, buffer, sizeof buffer);
    if (got <= 0) break;
    fwrite(buffer, 1, (size_t)got, out);
    total += got;
    if (most >= 0 && total >= most) break;
  }
  fclose(out);
  mmsx_close(stream);
  printf("bytes %lld\n", total);
  return 0;
}
