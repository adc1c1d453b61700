// CatBoost's two model files, .cbm and JSON, as the same plain values. Checked for lengths and ranges, not for the shape of the trees: that
// a walk ends is for ForestBuilder to say. Source: CatBoost 1.2 libs/model/flatbuffers/*.fbs, libs/model/model.cpp (CalcBinFeatures) and
// libs/model/model_export/json_model_helpers.cpp, checked against the library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/document.h"

namespace vigil::trees {

enum class CatboostNan : uint8_t { kAsIs = 0, kAsFalse = 1, kAsTrue = 2 };  // what a missing value answers to "greater than the border?"

struct CatboostFloatFeature {
  int32_t column = 0;  // of a row
  CatboostNan nan = CatboostNan::kAsIs;
  std::string name;            // may be empty
  std::vector<float> borders;  // empty: no split uses the feature
};

struct CatboostCategoricalFeature {
  int32_t index = 0;  // among the categorical features
  int32_t column = 0;
  std::string name;
};

struct CatboostOneHot {
  int32_t categorical = 0;       // its place in CatboostFile::categorical
  std::vector<uint32_t> values;  // CatboostHash of the category's text
};

// A question that sends a row right: is the value greater than the border, or of the category?
struct CatboostSplit {
  bool one_hot = false;
  int32_t feature = 0;  // in CatboostFile::floats or one_hots
  int32_t place = 0;    // in its borders or values
};

struct CatboostTree {
  bool oblivious = true;
  // Oblivious: one split a level; split k is bit k of the leaf's number. Else one a node, -1 in leaves.
  std::vector<int32_t> splits;
  std::vector<int32_t> left, right;  // not oblivious: children, -1 in leaves
  std::vector<int64_t> leaf;         // not oblivious: the leaf's number, -1 in splits
  std::vector<double> values;        // [leaves][outputs]
  std::vector<double> weights;       // of the training rows in each leaf; empty: not said
};

struct CatboostFile {
  std::string library;  // "catboost 1.2.10"; "catboost" when the file does not say
  std::string loss;     // "Logloss"; empty: not said (a sum of models)
  std::string classes;  // the class labels as trained, for people; may be empty
  int32_t columns = 0;  // a row's
  int32_t outputs = 1;
  double scale = 1;
  std::vector<double> bias;  // one an output
  std::vector<CatboostFloatFeature> floats;
  std::vector<CatboostCategoricalFeature> categorical;
  std::vector<CatboostOneHot> one_hots;
  std::vector<CatboostSplit> splits;
  std::vector<CatboostTree> trees;
};

inline constexpr std::string_view kCbmMagic = "CBM1";
inline constexpr size_t kCatboostDepthMax = 16;  // CatBoost's own limit for oblivious trees

// UNIMPLEMENTED names what is real but not served (target statistics, text and embedding features); INVALID_ARGUMENT names the place.
StatusOr<CatboostFile> ReadCatboostCbm(std::string_view content);
StatusOr<CatboostFile> ReadCatboostJson(const Document& document);

// Steps that both readers end with.

// Fills `splits` in the order that trees count them in: every border of every float feature, then every one-hot value.
void ListCatboostSplits(CatboostFile* file);
// Columns are distinct and in range, names are distinct, and `columns` is one more than the last.
Status SettleCatboostColumns(CatboostFile* file);
// The one-hot values of the categorical feature with this index.
Status AddCatboostOneHot(int64_t index, std::vector<uint32_t> values, CatboostFile* file);
// `params`: the training parameters; `version`: the build's own words; `classes`: class_params. Any may be absent.
void DescribeCatboost(const DocumentCursor* params, std::string_view version, const DocumentCursor* classes, CatboostFile* file);

}  // namespace vigil::trees
