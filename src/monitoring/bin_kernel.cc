#include "monitoring/bin_kernel.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "monitoring/bin_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vigil::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kBinLanes>;
using Doubles = hn::Repartition<double, Floats>;
using Halves = hn::Rebind<float, Doubles>;  // as many floats as a register has doubles

HWY_INLINE void AddUnits(const BinBlock& block, const float* HWY_RESTRICT x, double units_max, int64_t* HWY_RESTRICT sums) {
  const Doubles d;
  const hn::Rebind<int64_t, Doubles> d64;
  const auto half = hn::Set(d, 0.5), most = hn::Set(d, units_max);
  for (size_t i = 0; i < kBinLanes; i += hn::Lanes(d)) {
    const auto value = hn::PromoteTo(d, hn::LoadU(Halves(), x + i));
    auto units = hn::Mul(hn::Sub(value, hn::LoadU(d, block.mean + i)), hn::LoadU(d, block.scale + i));
    units = hn::IfThenElse(hn::Eq(units, units), hn::Min(hn::Max(units, hn::Neg(most)), most), hn::Zero(d));  // missing: nothing
    const auto rounded = hn::ConvertTo(d64, hn::Add(units, hn::CopySign(half, units)));
    hn::StoreU(hn::Add(hn::LoadU(d64, sums + i), rounded), d64, sums + i);
  }
}

HWY_INLINE uint16_t PlaceBlock(const BinBlock& block, const float* HWY_RESTRICT edges, const float* HWY_RESTRICT x,
                               uint32_t* HWY_RESTRICT places) {
  const Floats d;
  const hn::RebindToSigned<Floats> d32;
  uint32_t outside = 0;
  for (size_t i = 0; i < kBinLanes; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, x + i);
    auto bin = hn::Zero(d32);
    for (size_t e = 0; e < block.edges; ++e) {
      // A true lane of a mask is -1.
      bin = hn::Sub(bin, hn::VecFromMask(d32, hn::RebindMask(d32, hn::Ge(value, hn::LoadU(d, edges + e * kBinLanes + i)))));
    }
    const auto present = hn::RebindMask(d32, hn::Eq(value, value));
    const auto place = hn::IfThenElse(present, hn::Add(bin, hn::LoadU(d32, block.place + i)), hn::LoadU(d32, block.missing + i));
    hn::StoreU(hn::BitCast(hn::RebindToUnsigned<Floats>(), place), hn::RebindToUnsigned<Floats>(), places + i);
    const auto far = hn::Or(hn::Lt(value, hn::LoadU(d, block.lowest + i)), hn::Gt(value, hn::LoadU(d, block.highest + i)));
    uint8_t bits[8] = {};  // StoreMaskBits needs eight
    hn::StoreMaskBits(d, far, bits);
    outside |= static_cast<uint32_t>(bits[0] | bits[1] << 8) << i;
  }
  return static_cast<uint16_t>(outside);
}

}  // namespace

bool PlaceColumns(const BinTable& table, size_t first_block, size_t blocks, const float* x, uint32_t* places, uint16_t* outside,
                  int64_t* sums) {
  uint16_t any = 0;
  for (size_t b = 0; b < blocks; ++b, places += kBinLanes) {
    const BinBlock& block = table.blocks[first_block + b];
    const float* edges = table.edges.data() + block.edge_begin;
    const size_t begin = (first_block + b) * kBinLanes;
    const size_t columns = table.columns - begin;
    if (columns >= kBinLanes) {
      outside[b] = PlaceBlock(block, edges, x + begin, places);
      AddUnits(block, x + begin, table.units_max, sums + begin);
    } else {
      float padded[kBinLanes];
      int64_t added[kBinLanes] = {};
      std::fill(std::copy_n(x + begin, columns, padded), padded + kBinLanes, std::numeric_limits<float>::quiet_NaN());
      outside[b] = PlaceBlock(block, edges, padded, places);
      AddUnits(block, padded, table.units_max, added);
      for (size_t c = 0; c < columns; ++c) sums[begin + c] += added[c];
    }
    any |= outside[b];
  }
  return any != 0;
}

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace vigil::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil {

HWY_EXPORT(PlaceColumns);
HWY_EXPORT(TargetName);

bool PlaceColumns(const BinTable& table, size_t first_block, size_t blocks, const float* x, uint32_t* places, uint16_t* outside,
                  int64_t* sums) {
  return HWY_DYNAMIC_DISPATCH(PlaceColumns)(table, first_block, blocks, x, places, outside, sums);
}

const char* BinKernelTarget() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

}  // namespace vigil
#endif  // HWY_ONCE
