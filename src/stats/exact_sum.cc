#include "stats/exact_sum.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "stats/special.h"

namespace vigil::stats {

void ExactSum::Accumulate(double value, int sign) {
  if (value == 0) return;
  if (!(std::abs(value) < 0x1p224)) {
    unbounded_ += sign;
    return;
  }
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  // value = mantissa 2^(exponent - 53), mantissa a whole number of 53 bits
  int position = exponent - 53 - kLowestExponent;
  auto mantissa = static_cast<int64_t>(std::ldexp(std::abs(fraction), 53));
  if (position < 0) {
    if (position <= -53) return;
    mantissa >>= -position;
    position = 0;
  }
  const int64_t direction = (value < 0) == (sign > 0) ? -1 : 1;
  const auto limb = static_cast<size_t>(position / 32);
  const auto shifted = static_cast<unsigned __int128>(mantissa) << (position % 32);
  for (size_t i = 0; i < 3 && limb + i < kLimbs; ++i) {
    limbs_[limb + i] += direction * static_cast<int64_t>(static_cast<uint32_t>(shifted >> (32 * i)));
  }
  if (++pending_ >= (int64_t{1} << 30)) Normalize();
}

void ExactSum::Normalize() {
  for (size_t i = 0; i + 1 < kLimbs; ++i) {
    const int64_t carry = limbs_[i] >> 32;  // floor
    limbs_[i] -= carry << 32;
    limbs_[i + 1] += carry;
  }
  pending_ = 0;
}

void ExactSum::Merge(const ExactSum& other) {
  ExactSum copy = other;
  copy.Normalize();
  Normalize();
  for (size_t i = 0; i < kLimbs; ++i) limbs_[i] += copy.limbs_[i];
  unbounded_ += copy.unbounded_;
  Normalize();
}

double ExactSum::Value() const {
  if (unbounded_ != 0) return kUndefined;
  ExactSum copy = *this;
  copy.Normalize();
  const bool negative = copy.limbs_[kLimbs - 1] < 0;
  if (negative) {
    for (int64_t& limb : copy.limbs_) limb = -limb;
    copy.Normalize();
  }
  // From the top, so that what is lost is below the last place.
  double value = 0;
  int taken = 0;
  for (size_t i = kLimbs; i-- > 0 && taken < 3;) {
    if (copy.limbs_[i] == 0 && taken == 0) continue;
    value += std::ldexp(static_cast<double>(copy.limbs_[i]), static_cast<int>(i) * 32 + kLowestExponent);
    ++taken;
  }
  return negative ? -value : value;
}

bool operator==(const ExactSum& a, const ExactSum& b) {
  ExactSum x = a, y = b;
  x.Normalize();
  y.Normalize();
  return x.limbs_ == y.limbs_ && x.unbounded_ == y.unbounded_;
}

std::string ExactSum::Serialize() const {
  ExactSum copy = *this;
  copy.Normalize();
  std::string text = absl::StrCat(unbounded_);
  for (const int64_t limb : copy.limbs_) absl::StrAppend(&text, ",", limb);
  return text;
}

StatusOr<ExactSum> ExactSum::Parse(std::string_view text) {
  ExactSum sum;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i <= kLimbs; ++i) {
    int64_t value = 0;
    const bool separated = i == 0 || (at < end && *at++ == ',');
    const auto result = std::from_chars(at, end, value);
    at = result.ptr;
    // Normalised limbs only: nothing that could overflow later.
    const bool in_range = i == 0 ? std::abs(value) < (int64_t{1} << 62) : i == kLimbs || (value >= 0 && value < (int64_t{1} << 32));
    if (!separated || result.ec != std::errc() || !in_range) return absl::InvalidArgumentError("a saved sum is broken");
    (i == 0 ? sum.unbounded_ : sum.limbs_[i - 1]) = value;
  }
  if (at != end || std::abs(sum.limbs_[kLimbs - 1]) > (int64_t{1} << 40)) return absl::InvalidArgumentError("a saved sum is broken");
  return sum;
}

}  // namespace vigil::stats
