#include "quillc.h"

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t quill_base64_length(size_t length) { return (length + 2) / 3 * 4; }

void quill_base64_encode(const uint8_t *bytes, size_t length, char *out) {
  for (; length >= 3; length -= 3, bytes += 3) {
    uint32_t word = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
    *out++ = LETTERS[word >> 18];
    *out++ = LETTERS[word >> 12 & 63];
    *out++ = LETTERS[word >> 6 & 63];
    *out++ = LETTERS[word & 63];
  }
  if (length == 0) return;
  uint32_t word = (uint32_t)bytes[0] << 16 | (length == 2 ? (uint32_t)bytes[1] << 8 : 0);
  *out++ = LETTERS[word >> 18];
  *out++ = LETTERS[word >> 12 & 63];
  *out++ = length == 2 ? LETTERS[word >> 6 & 63] : '=';
  *out = '=';
}

static int value_of(char letter) {
  if (letter >= 'A' && letter <= 'Z') return letter - 'A';
  if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
  if (letter >= '0' && letter <= '9') return letter - '0' + 52;
  if (letter == '+') return 62;
  if (letter == '/') return 63;
  return -1;
}

ptrdiff_t quill_base64_decode(const char *text, size_t length, uint8_t *out) {
  uint8_t *start = out;
  if (length % 4 != 0) return -1;
  for (size_t at = 0; at < length; at += 4) {
    int last = at + 4 == length;
    int padding = last ? (text[at + 3] == '=') + (text[at + 3] == '=' && text[at + 2] == '=') : 0;
    uint32_t word = 0;
    for (int i = 0; i < 4; i++) {
      int value = i >= 4 - padding ? 0 : value_of(text[at + i]);
      if (value < 0) return -1;
      word = word << 6 | (uint32_t)value;
    }
    *out++ = word >> 16;
    if (padding < 2) *out++ = word >> 8 & 255;
    if (padding < 1) *out++ = word & 255;
  }
  return out - start;
}
