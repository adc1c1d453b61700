// Texts as the numbers that monitoring counts: a text is its category's number in the reference profile, any other text the number after
// the last, which falls into the bin of all other values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "domain/profile.h"
#include "domain/table_shape.h"

namespace vigil {

// Of one version. Immutable; `reference` may be null: then nothing is coded. Both outlive this.
class TextCodes {
 public:
  TextCodes(const TableShape& shape, const ReferenceProfile* reference);
  bool empty() const { return columns_.empty(); }
  // `features` (a row of floats, in which a text is 0 or missing) with every text's number in its place. `texts`: of the columns of texts.
  void Code(absl::Span<const float> features, absl::Span<const std::string_view> texts, std::vector<float>* coded) const;

 private:
  struct Column {
    size_t column = 0, at = 0;
    absl::flat_hash_map<std::string_view, float> numbers;
    float other = 0;
  };
  std::vector<Column> columns_;
};

}  // namespace vigil
