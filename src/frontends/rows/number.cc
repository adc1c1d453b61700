#include "frontends/rows/number.h"
#include "frontends/words.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

namespace vigil {
namespace {

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kExactPowerMax = 22;                         // 10^22 is the last power of ten that a double holds exactly
constexpr uint64_t kExactMantissaMax = uint64_t{1} << 53;  // and so is every integer up to here
constexpr int kMantissaDigitsMax = 19;                     // digits that surely fit 64 bits
constexpr int kExponentClamp = 100'000;                    // beyond any double; keeps the sum below from overflowing

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

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
  const bool negative = p < end && *p == '-';
  if (negative) ++p;
  const char* const digits = p;
  uint64_t mantissa = 0;
  while (p < end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');  // wraps only beyond 19 digits, see below
  const ptrdiff_t whole = p - digits;
  if (whole == 0 || (whole > 1 && *digits == '0')) return nullptr;
  ptrdiff_t fraction = 0;
  if (p < end && *p == '.') {
    const char* const first = ++p;
    while (p < end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
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
    *value = negative ? -exact : exact;
    return p;
  }
  const char* significant = digits;  // 0.000…1e400 may be a modest number: count the zeros in front of the first digit that is not
  int64_t zeros = 0;
  for (; significant < p && (*significant == '0' || *significant == '.'); ++significant) zeros += *significant == '0' ? 1 : 0;
  *value = ConvertExactly(begin, p, negative, exponent + whole - zeros);
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
