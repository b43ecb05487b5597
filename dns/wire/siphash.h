/*
 * SipHash-2-4, the keyed hash that DNS cookies of all servers share (RFC 9018 4.4). Written here because no Debian
 * C library offers it without much else around it; tested with its authors' vectors.
 */
#ifndef DNS_WIRE_SIPHASH_H
#define DNS_WIRE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t *bytes, size_t length);

#endif
