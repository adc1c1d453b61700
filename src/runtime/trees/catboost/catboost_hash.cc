#include "runtime/trees/catboost/catboost_hash.h"

#include <bit>
#include <cstring>
#include <utility>

namespace vigil::trees {
namespace {

// The algorithm's own constants.
constexpr uint64_t kPrime0 = 0xc3a5c85c97cb3127, kPrime1 = 0xb492b66fbe98f273, kPrime2 = 0x9ae16a3b2f90404f, kPrime3 = 0xc949d7c7509e6557;
constexpr uint64_t kMix = 0x9ddfea08eb382d69;

uint64_t Load64(const char* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t Load32(const char* at) {
  uint32_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t ShiftMix(uint64_t value) { return value ^ (value >> 47); }

uint64_t Mix(uint64_t low, uint64_t high) {
  const uint64_t a = ShiftMix((low ^ high) * kMix);
  return ShiftMix((high ^ a) * kMix) * kMix;
}

struct Pair {
  uint64_t first, second;
};

// 32 bytes into two words; quick and weak, the callers mix on.
Pair Weak32(const char* s, uint64_t a, uint64_t b) {
  const uint64_t w = Load64(s), x = Load64(s + 8), y = Load64(s + 16), z = Load64(s + 24);
  a += w;
  b = std::rotr(b + a + z, 21);
  const uint64_t before = a;
  a += x + y;
  b += std::rotr(a, 44);
  return {a + z, b + before};
}

uint64_t UpTo16(const char* s, size_t size) {
  if (size > 8) {
    const uint64_t a = Load64(s), b = Load64(s + size - 8);
    return Mix(a, std::rotr(b + size, static_cast<int>(size))) ^ b;
  }
  if (size >= 4) return Mix(size + (Load32(s) << 3), Load32(s + size - 4));
  if (size == 0) return kPrime2;
  const auto first = static_cast<uint8_t>(s[0]), middle = static_cast<uint8_t>(s[size / 2]), last = static_cast<uint8_t>(s[size - 1]);
  const uint32_t y = first + (static_cast<uint32_t>(middle) << 8);
  const uint32_t z = static_cast<uint32_t>(size) + (static_cast<uint32_t>(last) << 2);
  return ShiftMix((y * kPrime2) ^ (z * kPrime3)) * kPrime2;
}

uint64_t UpTo32(const char* s, size_t size) {
  const uint64_t a = Load64(s) * kPrime1, b = Load64(s + 8);
  const uint64_t c = Load64(s + size - 8) * kPrime2, d = Load64(s + size - 16) * kPrime0;
  return Mix(std::rotr(a - b, 43) + std::rotr(c, 30) + d, a + std::rotr(b ^ kPrime3, 20) - c + size);
}

// Two chains over 32 bytes each, from the front and from the back.
Pair Chain(uint64_t a, uint64_t z, const char* s) {
  uint64_t b = std::rotr(a + z, 52), c = std::rotr(a, 37);
  a += Load64(s);
  c += std::rotr(a, 7);
  a += Load64(s + 8);
  return {a + z, b + std::rotr(a, 31) + c};
}

uint64_t UpTo64(const char* s, size_t size) {
  const Pair v = Chain(Load64(s) + (size + Load64(s + size - 16)) * kPrime0, Load64(s + 24), s + 8);
  const Pair w = Chain(Load64(s + 16) + Load64(s + size - 32), Load64(s + size - 8), s + size - 24);
  const uint64_t r = ShiftMix((v.first + w.second) * kPrime2 + (w.first + v.second) * kPrime0);
  return ShiftMix(r * kPrime0 + v.second) * kPrime2;
}

uint64_t Beyond64(const char* s, size_t size) {
  const char* end = s + size;
  uint64_t x = Load64(s), y = Load64(end - 16) ^ kPrime1, z = Load64(end - 56) ^ kPrime0;
  Pair v = Weak32(end - 64, size, y), w = Weak32(end - 32, size * kPrime1, kPrime0);
  z += ShiftMix(v.second) * kPrime1;
  x = std::rotr(z + x, 39) * kPrime1;
  y = std::rotr(y, 33) * kPrime1;
  for (size_t left = (size - 1) / 64; left > 0; --left, s += 64) {
    x = std::rotr(x + y + v.first + Load64(s + 16), 37) * kPrime1;
    y = std::rotr(y + v.second + Load64(s + 48), 42) * kPrime1;
    x ^= w.second;
    y ^= v.first;
    z = std::rotr(z ^ w.first, 33);
    v = Weak32(s, v.second * kPrime1, x + w.first);
    w = Weak32(s + 32, z + w.second, y);
    std::swap(z, x);
  }
  return Mix(Mix(v.first, w.first) + ShiftMix(y) * kPrime1 + z, Mix(v.second, w.second) + x);
}

}  // namespace

uint64_t CityHash64V1(std::string_view text) {
  const char* s = text.data();
  const size_t size = text.size();
  if (size <= 16) return UpTo16(s, size);
  if (size <= 32) return UpTo32(s, size);
  return size <= 64 ? UpTo64(s, size) : Beyond64(s, size);
}

}  // namespace vigil::trees
