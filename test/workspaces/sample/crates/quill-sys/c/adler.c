#include "quillc.h"

#define BASE 65521u
/* The most bytes whose sums cannot overflow 32 bits. */
#define BLOCK 5552u

uint32_t quill_adler32(uint32_t adler, const uint8_t *bytes, size_t length) {
  uint32_t a = adler & 0xffff;
  uint32_t b = adler >> 16;
  while (length > 0) {
    size_t block = length < BLOCK ? length : BLOCK;
    length -= block;
    while (block-- > 0) {
      a += *bytes++;
      b += a;
    }
    a %= BASE;
    b %= BASE;
  }
  return b << 16 | a;
}
