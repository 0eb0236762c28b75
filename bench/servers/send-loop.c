// The floor: rooms over WebSocket (RFC 6455) with nothing but epoll(7) and one send(2) per subscriber and message.
// It keeps to what bench/README.md asks of a server, knows whole text frames of up to 8 KiB and nothing else, checks
// nothing, and drops a client whose socket takes no more. It prints {"port":N} and ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOMS 1024
#define INPUT 8192

struct room {
  struct client **members;
  int count, room;
};

struct client {
  int fd, at, length;
  struct room *room;
  unsigned char input[INPUT];
};

static struct room rooms[ROOMS];

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

/* RFC 3174, for a message of one or two blocks. */
static void sha1(const char *text, size_t length, unsigned char digest[20]) {
  unsigned char bytes[128] = {0};
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  size_t size = length + 9 <= 64 ? 64 : 128;
  memcpy(bytes, text, length);
  bytes[length] = 0x80;
  bytes[size - 2] = length * 8 >> 8;
  bytes[size - 1] = length * 8;
  for (size_t block = 0; block < size; block += 64) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++) {
      const unsigned char *p = bytes + block + 4 * i;
      w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      uint32_t next = rotate(a, 5) + f + e + k + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const unsigned char digest[20], char text[29]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0, at = 0; i < 20; i += 3, at += 4) {
    uint32_t three = digest[i] << 16 | digest[i + 1] << 8 | (i + 2 < 20 ? digest[i + 2] : 0);
    for (int digit = 0; digit < 4; digit++) text[at + digit] = digits[three >> (18 - 6 * digit) & 63];
  }
  text[27] = '=';
  text[28] = 0;
}

static void leave(struct client *client) {
  struct room *room = client->room;
  if (room) {
    struct client *last = room->members[--room->count];
    room->members[client->at] = last;
    last->at = client->at;
  }
  close(client->fd);
  free(client);
}

/* Not where others are being sent to: epoll tells of it afterwards. */
static void drop(struct client *client) { shutdown(client->fd, SHUT_RDWR); }

static void join(struct client *client, struct room *room) {
  if (room->count == room->room) {
    room->room = room->room ? 2 * room->room : 64;
    room->members = realloc(room->members, room->room * sizeof *room->members);
  }
  client->room = room;
  client->at = room->count;
  room->members[room->count++] = client;
}

/* Whether the whole request has come. */
static int shake_hands(struct client *client) {
  char *request = (char *)client->input, key[64], accept[29], answer[160];
  unsigned char digest[20];
  client->input[client->length] = 0;
  if (!strstr(request, "\r\n\r\n")) return 0;
  char *found = strcasestr(request, "\r\nSec-WebSocket-Key:"), *room = strstr(request, " /room/");
  if (!found || sscanf(found + 20, " %24s", key) != 1) return 0;
  strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  sha1(key, strlen(key), digest);
  base64(digest, accept);
  int length = sprintf(answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
  client->length = 0;
  join(client, &rooms[room ? atoi(room + 7) % (ROOMS - 1) + 1 : 0]);
  if (send(client->fd, answer, length, MSG_NOSIGNAL) != length) drop(client);
  return 1;
}

static void tell_others(struct client *sender, const unsigned char *text, int length) {
  unsigned char frame[INPUT + 4] = {0x81};
  int header = length < 126 ? 2 : 4;
  frame[1] = length < 126 ? length : 126;
  if (header == 4) frame[2] = length >> 8, frame[3] = length;
  memcpy(frame + header, text, length);
  for (int i = 0; i < sender->room->count; i++) {
    struct client *to = sender->room->members[i];
    if (to != sender && send(to->fd, frame, header + length, MSG_NOSIGNAL) != header + length) drop(to);
  }
}

static void read_frames(struct client *client) {
  unsigned char *input = client->input;
  int at = 0;
  for (;;) {
    int left = client->length - at, length = left > 1 ? input[at + 1] & 127 : 0, header = length == 126 ? 8 : 6;
    if (left < header) break;
    if (length == 126) length = input[at + 2] << 8 | input[at + 3];
    if (left < header + length) break;
    unsigned char *mask = input + at + header - 4, *text = mask + 4;
    for (int i = 0; i < length; i++) text[i] ^= mask[i & 3];
    if ((input[at] & 15) == 1) tell_others(client, text, length);
    if ((input[at] & 15) == 8) drop(client);
    at += header + length;
  }
  memmove(input, input + at, client->length -= at);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0), on = 1;
  struct epoll_event events[512], event = {.events = EPOLLIN};
  if (bind(listener, (void *)&address, size) || listen(listener, 4096)) return 1;
  getsockname(listener, (void *)&address, &size);
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll, events, 512, -1);
    for (int i = 0; i < count; i++) {
      struct client *client = events[i].data.ptr;
      if (!client) {
        int fd = accept4(listener, 0, 0, SOCK_NONBLOCK);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.ptr = client = calloc(1, sizeof *client);
        client->fd = fd;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        continue;
      }
      int bytes = read(client->fd, client->input + client->length, INPUT - 1 - client->length);
      if (bytes <= 0) {
        leave(client);
        continue;
      }
      client->length += bytes;
      if (client->room || shake_hands(client)) read_frames(client);
    }
  }
}
