#include "frontends/rows/number.h"
#include "frontends/words.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>
#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

namespace vigil {
namespace {

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr double kSigns[] = {1, -1};                       // without a branch
constexpr int kExactPowerMax = 22;                         // 10^22 is the last power of ten that a double holds exactly
constexpr uint64_t kExactMantissaMax = uint64_t{1} << 53;  // and so is every integer up to here
constexpr int kMantissaDigitsMax = 19;                     // digits that surely fit 64 bits
constexpr int kExponentClamp = 100'000;                    // beyond any double; keeps the sum below from overflowing

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

#ifdef __SSE4_1__
constexpr uint64_t kWholePowersOfTen[] = {1,
                                          10,
                                          100,
                                          1'000,
                                          10'000,
                                          100'000,
                                          1'000'000,
                                          10'000'000,
                                          100'000'000,
                                          1'000'000'000,
                                          10'000'000'000,
                                          100'000'000'000,
                                          1'000'000'000'000,
                                          10'000'000'000'000,
                                          100'000'000'000'000,
                                          1'000'000'000'000'000,
                                          10'000'000'000'000'000};

// How many of the sixteen characters at `p` are digits before the first that is none; `value`: the number that these spell. Without a
// branch on their count, because that is not to be predicted: a loop over digits costs more in wrong guesses than in work.
inline int SixteenDigits(const char* p, uint64_t* value) {
  // Loaded from `count`: moves that many bytes to the end and clears those in front.
  alignas(16) static constexpr uint8_t kMoveToEnd[32] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                                         0x80, 0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,
                                                         6,    7,    8,    9,    10,   11,   12,   13,   14,   15};
  const __m128i text = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), _mm_set1_epi8('0'));
  const int digits = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(9)), text));
  const int count = std::countr_zero(~static_cast<unsigned>(digits));
  const __m128i moved = _mm_shuffle_epi8(text, _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMoveToEnd + count)));
  const __m128i pairs = _mm_maddubs_epi16(moved, _mm_set1_epi16(1 << 8 | 10));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(1 << 16 | 10'000));
  const auto halves = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  *value = (halves & 0xFFFFFFFF) * 100'000'000 + (halves >> 32);
  return count;
}
#endif

// Takes the digits at `p` into `mantissa`, which wraps beyond 19 of them.
inline const char* TakeDigits(const char* p, const char* end, uint64_t* mantissa) {
#ifdef __SSE4_1__
  while (end - p >= 16) {
    uint64_t value;
    const int count = SixteenDigits(p, &value);
    *mantissa = *mantissa * kWholePowersOfTen[count] + value;
    p += count;
    if (count < 16) return p;
  }
#endif
  while (p < end && IsDigit(*p)) *mantissa = *mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  return p;
}

// The exact but slower way, for text that is known to fit the grammar. `exponent` is the decimal exponent of the leading digit, about:
// it tells overflow from underflow.
double ConvertExactly(const char* begin, const char* end, bool negative, int64_t exponent) {
  double value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::result_out_of_range) {
    value = exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return negative ? -value : value;
  }
  return value;
}

}  // namespace

const char* ReadJsonNumber(const char* p, const char* end, double* value) {
  const char* const begin = p;
  if (p == end) return nullptr;
  size_t negative = *p == '-' ? 1 : 0;
  // Hides from the compiler that this is 0 or 1: it would make a branch of it, and a sign is not to be predicted.
  asm("" : "+r"(negative));  // NOLINT(hicpp-no-assembler)
  p += negative;
  const char* const digits = p;
  uint64_t mantissa = 0;
  // Whole parts are short and much alike; they are taken one by one.
  while (p < end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');  // wraps only beyond 19 digits, see below
  const ptrdiff_t whole = p - digits;
  if (whole == 0 || (whole > 1 && *digits == '0')) return nullptr;
  ptrdiff_t fraction = 0;
  if (p < end && *p == '.') {
    const char* const first = ++p;
    p = TakeDigits(p, end, &mantissa);
    fraction = p - first;
    if (fraction == 0) return nullptr;
  }
  int64_t exponent = 0;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const first = p;
    while (p < end && IsDigit(*p)) {
      if (exponent < kExponentClamp) exponent = exponent * 10 + (*p - '0');
      ++p;
    }
    if (p == first) return nullptr;
    if (minus) exponent = -exponent;
  }
  const int64_t power = exponent - fraction;
  if (whole + fraction <= kMantissaDigitsMax && mantissa <= kExactMantissaMax && power >= -kExactPowerMax && power <= kExactPowerMax) {
    // Clinger's case: both operands are exact, so the one operation rounds correctly.
    double exact = static_cast<double>(mantissa);
    exact = power < 0 ? exact / kPowersOfTen[-power] : exact * kPowersOfTen[power];
    *value = std::copysign(exact, kSigns[negative]);
    return p;
  }
  const char* significant = digits;  // 0.000…1e400 may be a modest number: count the zeros in front of the first digit that is not
  int64_t zeros = 0;
  for (; significant < p && (*significant == '0' || *significant == '.'); ++significant) zeros += *significant == '0' ? 1 : 0;
  *value = ConvertExactly(begin, p, negative != 0, exponent + whole - zeros);
  return p;
}

bool ParseJsonNumber(std::string_view text, double* value) {
  const char* const end = text.data() + text.size();
  return ReadJsonNumber(text.data(), end, value) == end;
}

bool ParseCell(std::string_view text, double* value) {
  text = StripBlanks(text);
  if (text.empty()) {
    *value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (ParseJsonNumber(text, value)) return true;
  std::string_view body = text;
  const bool negative = body[0] == '-';
  if (negative || body[0] == '+') body.remove_prefix(1);
  if (body.empty()) return false;
  if (EqualsIgnoreCase(body, "inf") || EqualsIgnoreCase(body, "infinity")) {
    *value = negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    return true;
  }
  if (IsDigit(body[0]) || (body[0] == '.' && body.size() > 1 && IsDigit(body[1]))) {
    // `+1`, `007`, `.5` and `1.`, spelled as JSON spells them, so that magnitudes beyond a double end alike.
    std::string number(body);
    number.erase(0, std::min(number.find_first_not_of('0'), number.size()));
    if (number.empty() || !IsDigit(number[0])) number.insert(0, 1, '0');
    if (const size_t dot = number.find('.'); dot != std::string::npos && (dot + 1 == number.size() || !IsDigit(number[dot + 1]))) {
      number.insert(dot + 1, 1, '0');
    }
    double magnitude = 0;
    if (!ParseJsonNumber(number, &magnitude)) return false;
    *value = negative ? -magnitude : magnitude;
    return true;
  }
  if (EqualsIgnoreCase(text, "nan") || EqualsIgnoreCase(text, "na") || EqualsIgnoreCase(text, "null")) {
    *value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (EqualsIgnoreCase(text, "true") || EqualsIgnoreCase(text, "false")) {
    *value = text[0] == 't' || text[0] == 'T' ? 1.0 : 0.0;
    return true;
  }
  return false;
}

}  // namespace vigil
