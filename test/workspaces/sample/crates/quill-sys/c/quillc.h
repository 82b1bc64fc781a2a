#ifndef QUILLC_H
#define QUILLC_H

#include <stddef.h>
#include <stdint.h>

/* Adler-32 of `length` bytes, continuing from `adler` (1 to begin with). */
uint32_t quill_adler32(uint32_t adler, const uint8_t *bytes, size_t length);

/* Characters that quill_base64_encode writes for `length` bytes. */
size_t quill_base64_length(size_t length);

/* Writes quill_base64_length(length) characters, no terminator. */
void quill_base64_encode(const uint8_t *bytes, size_t length, char *out);

/* Returns the number of bytes written, or -1 where `text` is no base64. */
ptrdiff_t quill_base64_decode(const char *text, size_t length, uint8_t *out);

#endif
