// Stable hashes: the same bytes give the same value in every process, on every replica, in every release.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigil {

// XXH3, 64 bits. Used for sticky routing, id indexes and log checksums; not for security.
uint64_t StableHash(std::string_view bytes, uint64_t seed = 0);

// The low half of StableHash: the checksum in front of every log record.
inline uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(StableHash(bytes)); }

// Lower-case hexadecimal SHA-256 of `bytes`: artefact digests.
std::string Sha256Hex(std::string_view bytes);

// A hash as a number in [0, 1): 53 bits of it.
inline double HashToUnit(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

}  // namespace vigil
