// A sum of doubles without any rounding until it is read: adding, taking back and merging in any order give the same bits. Windows and
// replicas merge exactly, and a replaced label leaves no trace. A short Kulisch accumulator: 15 limbs of 32 bits, carries deferred.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::stats {

// One thread at a time. Magnitudes below 2^-224 count as 0 (in parts: bits below are cut); a value of 2^224 or more, or one that is not
// finite, makes the sum undefined (NaN) until it is taken back.
class ExactSum {
 public:
  void Add(double value) { Accumulate(value, +1); }
  void Subtract(double value) { Accumulate(value, -1); }
  void Merge(const ExactSum& other);
  // The sum, rounded to a double (to within one unit in the last place).
  double Value() const;

  friend bool operator==(const ExactSum& a, const ExactSum& b);

  // Text without spaces, and back; INVALID_ARGUMENT when broken.
  std::string Serialize() const;
  static StatusOr<ExactSum> Parse(std::string_view text);

 private:
  static constexpr int kLimbs = 15;
  static constexpr int kLowestExponent = -224;  // weight of the lowest bit

  void Accumulate(double value, int sign);
  // Limbs to [0, 2^32) but the highest, which carries the sign: the one form of each sum.
  void Normalize();

  std::array<int64_t, kLimbs> limbs_{};
  int64_t pending_ = 0;    // additions since Normalize; a limb holds 2^30 of them
  int64_t unbounded_ = 0;  // values outside the range, less those taken back
};

}  // namespace vigil::stats
