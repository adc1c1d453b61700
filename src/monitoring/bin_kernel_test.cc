// The kernel against ColumnBins, a column at a time, on every instruction set that this machine has.
#include "monitoring/bin_kernel.h"

#include <cmath>
#include <limits>

#include "base/random.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "monitoring/count_layout.h"

namespace vigil {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

double Uniform(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

// Few edges, many, none at all, constant, categorical.
ColumnProfile MakeProfile(size_t c, Random& random) {
  ColumnProfile profile;
  profile.name = "c" + std::to_string(c);
  const size_t edges = c % 7 == 0 ? 0 : c % 11 == 0 ? 100 + c % 100 : 1 + random() % 40;
  double at = Uniform(random) * 4 - 2;
  profile.kind = c % 5 == 3 ? ColumnKind::kCategorical : ColumnKind::kNumeric;
  std::vector<double>& values = profile.kind == ColumnKind::kNumeric ? profile.edges : profile.categories;
  for (size_t e = 0; e < edges; ++e) values.push_back(at += 0.001 + Uniform(random));
  profile.counts.assign(edges + 1, 10);
  profile.missing = 3;
  profile.minimum = edges == 0 ? 1 : values.front() - 0.3;
  profile.maximum = edges == 0 ? 1 : values.back() + 0.3;
  profile.mean = (profile.minimum + profile.maximum) / 2;
  profile.standard_deviation = edges == 0 ? 0 : (profile.maximum - profile.minimum) / 4;
  return profile;
}

float MakeValue(const ColumnProfile& profile, Random& random) {
  const std::vector<double>& values = profile.kind == ColumnKind::kNumeric ? profile.edges : profile.categories;
  const double edge = values.empty() ? profile.minimum : values[random() % values.size()];
  switch (random() % 9) {
    case 0: return kNan;
    case 1: return random() % 2 ? kInfinity : -kInfinity;
    case 2: return static_cast<float>(profile.maximum + Uniform(random) * 1e9);
    case 3: return static_cast<float>(profile.minimum - Uniform(random));
    case 4: return static_cast<float>(edge);
    case 5: return std::nextafter(static_cast<float>(edge), kInfinity);
    case 6: return std::nextafter(static_cast<float>(edge), -kInfinity);
    default: return static_cast<float>(profile.minimum + Uniform(random) * (profile.maximum - profile.minimum));
  }
}

void CountAlone(const CountLayout& layout, const std::vector<float>& row, std::vector<uint32_t>& counts, std::vector<int64_t>& sums) {
  for (size_t c = 0; c < row.size(); ++c) {
    const CountLayout::Column& column = layout.columns()[c];
    const float x = row[c];
    ++counts[column.place + column.bins.BinOrMissing(x)];
    if (std::isnan(x)) continue;
    if (x < column.minimum) ++counts[column.below_place()];
    if (x > column.maximum) ++counts[column.above_place()];
    if (std::isinf(x) && (x < column.minimum || x > column.maximum)) ++counts[column.infinite_place()];
    double units = (static_cast<double>(x) - column.mean) * column.scale;
    units = std::isnan(units) ? 0 : std::clamp(units, -kSumClip * kSumUnit, kSumClip * kSumUnit);
    sums[c] += static_cast<int64_t>(units + std::copysign(0.5, units));
  }
}

TEST(BinKernel, EveryInstructionSetCountsAsAColumnAloneDoes) {
  Random random(20);
  for (const size_t columns : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{30}, size_t{300}}) {
    auto reference = std::make_shared<ReferenceProfile>();
    for (size_t c = 0; c < columns; ++c) reference->columns.push_back(MakeProfile(c, random));
    MonitoredVersion version;
    version.reference = reference;
    const CountLayout layout(version);
    std::vector<std::vector<float>> rows(300, std::vector<float>(columns));
    for (auto& row : rows) {
      for (size_t c = 0; c < columns; ++c) row[c] = MakeValue(reference->columns[c], random);
    }
    std::vector<uint32_t> expected(layout.counts_width());
    std::vector<int64_t> expected_sums(columns);
    for (const auto& row : rows) CountAlone(layout, row, expected, expected_sums);
    for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
      hwy::SetSupportedTargetsForTest(targets & -targets);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      std::vector<uint32_t> counts(layout.counts_width());
      std::vector<int64_t> sums(columns);
      Observation observed;
      for (const auto& row : rows) {
        observed.features = row;
        layout.Count(observed, counts.data(), sums.data());
      }
      for (const auto& column : layout.columns()) {
        for (size_t place = column.place; place <= column.infinite_place(); ++place) {
          ASSERT_EQ(counts[place], expected[place]) << BinKernelTarget() << ", place " << place - column.place;
        }
      }
      EXPECT_EQ(sums, expected_sums) << BinKernelTarget();
      hwy::SetSupportedTargetsForTest(0);
    }
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

}  // namespace
}  // namespace vigil
