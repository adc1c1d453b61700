#include "runtime/trees/xgboost/xgboost_categories.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/xgboost/fields.h"

namespace vigil::trees {
namespace {

using Codes = std::shared_ptr<const CategoryCodes>;

bool IsIntegerIn(double value, double low, double high) { return value >= low && value <= high && value == std::floor(value); }

// XGBoost's numbers for the integer types of a category list. Unsigned ones wider than a byte are written in UBJSON as signed.
std::optional<int> UnsignedBits(int64_t type) {
  switch (type) {
    case 9:
    case 11:
    case 13:
    case 15: return 0;  // int8, int16, int32, int64
    case 10: return 8;
    case 12: return 16;
    case 14: return 32;
    case 16: return 64;
    default: return std::nullopt;
  }
}

StatusOr<Codes> ReadTexts(absl::Span<const double> offsets, absl::Span<const double> bytes, std::string_view place, bool sound_offsets) {
  std::string text;
  for (const double byte : bytes) {
    if (!IsIntegerIn(byte, -128, 255)) return Broken(Cat(place, ".values"), Cat(NumberText(byte), " is no byte"));
    if (!sound_offsets && (byte < 0 || byte > 127)) {
      return Broken(
          Cat(place, ".values"),
          "categories with letters beyond ASCII, which XGBoost before 3.4 stores broken (it takes characters for bytes); rename them "
          "and train again, or train with XGBoost 3.4");
    }
    text.push_back(static_cast<char>(static_cast<int>(byte)));
  }
  std::vector<std::string> categories;
  if (offsets.front() != 0) return Broken(Cat(place, ".offsets"), "must begin with 0");
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (!IsIntegerIn(offsets[i + 1], offsets[i], static_cast<double>(text.size()))) {
      return Broken(Cat(place, ".offsets[", i + 1, "]"), Cat(NumberText(offsets[i + 1]), " is not from ", offsets[i], " to ", text.size()));
    }
    categories.push_back(text.substr(static_cast<size_t>(offsets[i]), static_cast<size_t>(offsets[i + 1] - offsets[i])));
  }
  StatusOr<Codes> codes = MakeTextCategories(std::move(categories));
  return codes.ok() ? codes : Broken(place, StdView(codes.status().message()));
}

StatusOr<std::vector<double>> ReadIntegers(absl::Span<const double> values, int64_t type, std::string_view place) {
  const std::optional<int> bits = UnsignedBits(type);
  if (!bits.has_value()) return Broken(Cat(place, ".type"), Cat(type, " is no type of integer that XGBoost knows"));
  std::vector<double> integers(values.begin(), values.end());
  for (double& value : integers) {
    if (value < 0) value += *bits == 0 ? 0 : std::ldexp(1.0, *bits);
    if (!IsIntegerIn(value, -9e15, 9e15)) return Broken(Cat(place, ".values"), Cat(NumberText(value), " is no integer below 2^53"));
  }
  return integers;
}

bool AreTheirOwnCodes(const std::vector<double>& integers) {
  for (size_t i = 0; i < integers.size(); ++i) {
    if (integers[i] != static_cast<double>(i)) return false;
  }
  return true;
}

// Each feature's number of categories, added up, must be what feature_segments says.
Status CheckSegments(const DocumentCursor& cats, std::string_view place, const std::vector<size_t>& counts) {
  VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> segments, Numbers(cats, "feature_segments", place));
  VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> sorted, Numbers(cats, "sorted_idx", place));
  if (segments.size() != counts.size() + 1) {
    return Broken(Cat(place, ".feature_segments"), Cat(segments.size(), " entries for ", counts.size(), " features"));
  }
  double end = 0;
  for (size_t f = 0; f <= counts.size(); ++f) {
    if (segments[f] != end) return Broken(Cat(place, ".feature_segments[", f, "]"), Cat(NumberText(segments[f]), " is not ", end));
    if (f < counts.size()) end += static_cast<double>(counts[f]);
  }
  if (static_cast<double>(sorted.size()) != end) {
    return Broken(Cat(place, ".sorted_idx"), Cat(sorted.size(), " entries for ", end, " categories"));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<std::vector<Codes>> ReadXgboostCategories(const DocumentCursor& cats, std::string_view place, int32_t features,
                                                   bool sound_offsets) {
  VIGIL_ASSIGN_OR_RETURN(const DocumentCursor encodings, Member(cats, "enc", place));
  if (!encodings.is_array()) return Broken(Cat(place, ".enc"), "must be an array");
  const std::vector<DocumentCursor> columns = encodings.Children();
  if (columns.empty() && encodings.numbers().empty()) return std::vector<Codes>();
  if (columns.size() != static_cast<size_t>(features)) {
    return Broken(Cat(place, ".enc"), Cat(columns.size(), " entries for ", features, " features"));
  }
  std::vector<Codes> codes(columns.size());
  std::vector<size_t> counts(columns.size());
  bool plain = true;
  for (size_t f = 0; f < columns.size(); ++f) {
    const std::string here = Cat(place, ".enc[", f, "]");
    VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> values, Numbers(columns[f], "values", here));
    if (columns[f].Find("offsets").has_value()) {
      VIGIL_ASSIGN_OR_RETURN(const absl::Span<const double> offsets, Numbers(columns[f], "offsets", here));
      if (offsets.empty()) continue;  // a numeric feature
      VIGIL_ASSIGN_OR_RETURN(codes[f], ReadTexts(offsets, values, here, sound_offsets));
      counts[f] = offsets.size() - 1;
      plain = false;
    } else {
      VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> type, Integer(columns[f], "type", here));
      if (!type.has_value()) return Broken(here, "neither offsets nor a type");
      VIGIL_ASSIGN_OR_RETURN(std::vector<double> integers, ReadIntegers(values, *type, here));
      plain &= AreTheirOwnCodes(integers);
      counts[f] = integers.size();
      StatusOr<Codes> made = MakeNumberCategories(integers);
      if (!made.ok()) return Broken(here, StdView(made.status().message()));
      codes[f] = *std::move(made);
    }
  }
  VIGIL_RETURN_IF_ERROR(CheckSegments(cats, place, counts));
  if (plain) codes.clear();
  return codes;
}

}  // namespace vigil::trees
