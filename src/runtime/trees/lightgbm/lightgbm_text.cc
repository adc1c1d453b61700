#include "runtime/trees/lightgbm/lightgbm_text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/lightgbm/lightgbm_objective.h"

namespace vigil::trees {
namespace {

constexpr int64_t kLeavesMax = int64_t{1} << 24;
constexpr size_t kQuotedMax = 64;  // of the file's own words, in messages

std::string_view Quoted(std::string_view text) { return text.substr(0, kQuotedMax); }

// Lines without their ends; both kinds of line end.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  std::string_view Peek() const {
    std::string_view line = rest_.substr(0, rest_.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  std::string_view Next() {
    const std::string_view line = Peek();
    const size_t end = rest_.find('\n');
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return line;
  }

 private:
  std::string_view rest_;
};

// Numbers apart by one or more spaces.
template <typename T>
class NumberList {
 public:
  explicit NumberList(std::string_view text) : rest_(text) { Skip(); }
  bool done() const { return rest_.empty(); }
  bool Next(T* value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), *value);
    if (error != std::errc() || (end != rest_.data() + rest_.size() && *end != ' ')) return false;
    rest_.remove_prefix(end - rest_.data());
    Skip();
    return true;
  }
  std::string_view word() const { return rest_.substr(0, rest_.find(' ')); }

 private:
  void Skip() { rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(' '))); }
  std::string_view rest_;
};

// The `key=value` lines of the header or of one tree.
class Section {
 public:
  explicit Section(std::string place) : place_(std::move(place)) {}

  Status Add(std::string_view line) {
    const size_t split = line.find('=');
    const std::string_view key = line.substr(0, split);
    if (Find(key).has_value()) return Broken(Quoted(key), "appears twice");
    fields_.emplace_back(key, split == std::string_view::npos ? std::string_view() : line.substr(split + 1));
    return absl::OkStatus();
  }

  std::optional<std::string_view> Find(std::string_view key) const {
    for (const auto& [name, value] : fields_) {
      if (name == key) return value;
    }
    return std::nullopt;
  }

  StatusOr<std::string_view> Get(std::string_view key) const {
    if (const auto found = Find(key); found.has_value()) return *found;
    return Broken(key, "is missing");
  }

  StatusOr<int64_t> Integer(std::string_view key, int64_t low, int64_t high) const {
    VIGIL_ASSIGN_OR_RETURN(const std::string_view text, Get(key));
    int64_t value = 0;
    NumberList<int64_t> list(text);
    if (!list.Next(&value) || !list.done() || value < low || value > high) {
      return Broken(key, Cat("must be an integer from ", low, " to ", high, ", not '", Quoted(text), "'"));
    }
    return value;
  }

  // All numbers of a line; `count`: how many there must be, nothing: any.
  template <typename T>
  StatusOr<std::vector<T>> Numbers(std::string_view key, std::optional<int64_t> count) const {
    VIGIL_ASSIGN_OR_RETURN(const std::string_view text, Get(key));
    std::vector<T> values;
    // A number takes two bytes of the line at least, so that a count that lies reserves nothing.
    if (count.has_value()) values.reserve(std::min<size_t>(static_cast<size_t>(*count), text.size() / 2 + 1));
    for (NumberList<T> list(text); !list.done();) {
      T value{};
      if (!list.Next(&value)) return Broken(key, Cat("value ", values.size(), ", '", Quoted(list.word()), "', is no ", NumberKind<T>()));
      values.push_back(value);
    }
    if (count.has_value() && static_cast<int64_t>(values.size()) != *count) {
      return Broken(key, Cat(values.size(), " values where there must be ", *count));
    }
    return values;
  }

  Status Broken(std::string_view key, std::string_view what) const {
    return absl::InvalidArgumentError(Cat(place_, ": ", key, ": ", what));
  }

 private:
  template <typename T>
  static std::string_view NumberKind() {
    return std::is_floating_point_v<T> ? "number" : std::is_signed_v<T> ? "integer of 32 bits" : "integer from 0 that fits its field";
  }

  const std::string place_;
  std::vector<std::pair<std::string_view, std::string_view>> fields_;
};

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = text.find_first_not_of(' '); begin != std::string_view::npos; begin = text.find_first_not_of(' ', begin)) {
    const size_t end = std::min(text.size(), text.find(' ', begin));
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

// "[0:1066.8]" is a range, "-1:4:5" a list of codes, "none" a feature that no split can use.
LightgbmFeatureKind KindOf(std::string_view info) {
  if (info == "none") return LightgbmFeatureKind::kUnused;
  return info.starts_with('[') ? LightgbmFeatureKind::kNumeric : LightgbmFeatureKind::kCategorical;
}

// A child is a split of the tree or, below zero, one of its leaves.
Status CheckChildren(const Section& section, std::string_view key, const std::vector<int32_t>& children, int32_t leaves) {
  for (size_t n = 0; n < children.size(); ++n) {
    const int32_t child = children[n];
    if (child >= leaves - 1) return section.Broken(key, Cat("split ", n, " leads to split ", child, " of ", leaves - 1));
    if (child < 0 && ~child >= leaves) return section.Broken(key, Cat("split ", n, " leads to leaf ", ~child, " of ", leaves));
  }
  return absl::OkStatus();
}

Status CheckFeatures(const Section& section, std::string_view key, const std::vector<int32_t>& features, int32_t count) {
  for (const int32_t feature : features) {
    if (feature < 0 || feature >= count) return section.Broken(key, Cat("feature ", feature, " of ", count));
  }
  return absl::OkStatus();
}

Status ReadSplits(const Section& section, int32_t features, LightgbmTree* tree) {
  const int64_t splits = tree->leaves - 1;
  VIGIL_ASSIGN_OR_RETURN(tree->split_feature, section.Numbers<int32_t>("split_feature", splits));
  VIGIL_ASSIGN_OR_RETURN(tree->threshold, section.Numbers<double>("threshold", splits));
  VIGIL_ASSIGN_OR_RETURN(tree->decision_type, section.Numbers<uint8_t>("decision_type", splits));
  VIGIL_ASSIGN_OR_RETURN(tree->left_child, section.Numbers<int32_t>("left_child", splits));
  VIGIL_ASSIGN_OR_RETURN(tree->right_child, section.Numbers<int32_t>("right_child", splits));
  VIGIL_RETURN_IF_ERROR(CheckFeatures(section, "split_feature", tree->split_feature, features));
  VIGIL_RETURN_IF_ERROR(CheckChildren(section, "left_child", tree->left_child, tree->leaves));
  return CheckChildren(section, "right_child", tree->right_child, tree->leaves);
}

Status ReadCategories(const Section& section, LightgbmTree* tree) {
  VIGIL_ASSIGN_OR_RETURN(const int64_t sets, section.Integer("num_cat", 0, tree->leaves - 1));
  if (sets > 0) {
    VIGIL_ASSIGN_OR_RETURN(tree->cat_boundaries, section.Numbers<uint32_t>("cat_boundaries", sets + 1));
    VIGIL_ASSIGN_OR_RETURN(tree->cat_threshold, section.Numbers<uint32_t>("cat_threshold", std::nullopt));
    const std::vector<uint32_t>& at = tree->cat_boundaries;
    if (at.front() != 0 || !std::is_sorted(at.begin(), at.end())) return section.Broken("cat_boundaries", "must rise from 0");
    if (at.back() != tree->cat_threshold.size()) {
      return section.Broken("cat_boundaries",
                            Cat("ends at ", at.back(), " where cat_threshold has ", tree->cat_threshold.size(), " words"));
    }
  }
  for (size_t n = 0; n < tree->decision_type.size(); ++n) {
    const uint8_t type = tree->decision_type[n];
    if (type >> 2 > 2) return section.Broken("decision_type", Cat("split ", n, " has the unknown type ", static_cast<int>(type)));
    if ((type & kLightgbmCategorical) == 0) continue;
    const double set = tree->threshold[n];
    if (!(set >= 0 && set < static_cast<double>(sets)) || set != static_cast<double>(static_cast<int64_t>(set))) {
      return section.Broken("threshold", Cat("split ", n, " names the category set ", NumberText(set), " of ", sets));
    }
  }
  return absl::OkStatus();
}

Status ReadLinearLeaves(const Section& section, int32_t features, LightgbmTree* tree) {
  VIGIL_ASSIGN_OR_RETURN(tree->leaf_const, section.Numbers<double>("leaf_const", tree->leaves));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<int32_t> counts, section.Numbers<int32_t>("num_features", tree->leaves));
  tree->leaf_begin.assign(1, 0);
  for (const int32_t count : counts) {
    if (count < 0 || count > features) return section.Broken("num_features", Cat("a leaf of ", count, " features of ", features));
    tree->leaf_begin.push_back(tree->leaf_begin.back() + count);
  }
  VIGIL_ASSIGN_OR_RETURN(tree->leaf_features, section.Numbers<int32_t>("leaf_features", tree->leaf_begin.back()));
  VIGIL_ASSIGN_OR_RETURN(tree->leaf_coeff, section.Numbers<double>("leaf_coeff", tree->leaf_begin.back()));
  return CheckFeatures(section, "leaf_features", tree->leaf_features, features);
}

StatusOr<LightgbmTree> ReadTree(const Section& section, int32_t features) {
  LightgbmTree tree;
  VIGIL_ASSIGN_OR_RETURN(const int64_t leaves, section.Integer("num_leaves", 1, kLeavesMax));
  if (!section.Find("num_cat").has_value()) {
    return section.Broken("num_cat", "is missing: a file of LightGBM before 2.1; load it with a newer one and save it again");
  }
  tree.leaves = static_cast<int32_t>(leaves);
  VIGIL_ASSIGN_OR_RETURN(tree.leaf_value, section.Numbers<double>("leaf_value", leaves));
  // A tree of one leaf is written without splits, or with empty lists.
  if (leaves > 1) {
    VIGIL_RETURN_IF_ERROR(ReadSplits(section, features, &tree));
    VIGIL_RETURN_IF_ERROR(ReadCategories(section, &tree));
  }
  if (section.Find("leaf_count").has_value() && (leaves == 1 || section.Find("internal_count").has_value())) {
    VIGIL_ASSIGN_OR_RETURN(tree.leaf_count, section.Numbers<double>("leaf_count", leaves));
    if (leaves > 1) {
      VIGIL_ASSIGN_OR_RETURN(tree.split_count, section.Numbers<double>("internal_count", leaves - 1));
    }
  }
  if (section.Find("is_linear").has_value()) {
    VIGIL_ASSIGN_OR_RETURN(const int64_t linear, section.Integer("is_linear", 0, 1));
    tree.linear = linear == 1;
    if (tree.linear) VIGIL_RETURN_IF_ERROR(ReadLinearLeaves(section, features, &tree));
  }
  return tree;
}

class TextReader {
 public:
  explicit TextReader(std::string_view content) : lines_(content) {}

  StatusOr<LightgbmText> Read() {
    if (lines_.Next() != "tree") return absl::InvalidArgumentError("no LightGBM model: the first line is not 'tree'");
    VIGIL_RETURN_IF_ERROR(ReadHeader());
    VIGIL_RETURN_IF_ERROR(ReadTrees());
    ReadTail();
    return std::move(text_);
  }

 private:
  bool AtTree() const { return lines_.Peek().starts_with("Tree="); }

  Status ReadHeader() {
    Section header("header");
    while (!lines_.done() && !AtTree() && lines_.Peek() != "end of trees") {
      if (const std::string_view line = lines_.Next(); !line.empty()) VIGIL_RETURN_IF_ERROR(header.Add(line));
    }
    VIGIL_ASSIGN_OR_RETURN(const std::string_view version, header.Get("version"));
    if (version != "v2" && version != "v3" && version != "v4") {
      return absl::UnimplementedError(Cat("header: version: '", Quoted(version), "' is not served; v2, v3 and v4 are"));
    }
    text_.version = version;
    VIGIL_ASSIGN_OR_RETURN(const int64_t last_feature, header.Integer("max_feature_idx", 0, kFeaturesMax - 1));
    text_.features = static_cast<int32_t>(last_feature + 1);
    const bool says_trees = header.Find("num_tree_per_iteration").has_value();
    VIGIL_ASSIGN_OR_RETURN(const int64_t outputs, header.Integer(says_trees ? "num_tree_per_iteration" : "num_class", 1, kOutputsMax));
    text_.outputs = static_cast<int32_t>(outputs);
    text_.average_output = header.Find("average_output").has_value();
    VIGIL_ASSIGN_OR_RETURN(text_.objective, ReadLightgbmObjective(header.Find("objective").value_or(""), text_.outputs));
    VIGIL_RETURN_IF_ERROR(ReadFeatures(header));
    if (header.Find("tree_sizes").has_value()) {
      VIGIL_ASSIGN_OR_RETURN(const std::vector<uint64_t> sizes, header.Numbers<uint64_t>("tree_sizes", std::nullopt));
      trees_promised_ = sizes.size();
    }
    return absl::OkStatus();
  }

  Status ReadFeatures(const Section& header) {
    VIGIL_ASSIGN_OR_RETURN(const std::string_view names, header.Get("feature_names"));
    text_.names = Words(names);
    if (text_.names.size() != static_cast<size_t>(text_.features)) {
      return header.Broken("feature_names", Cat(text_.names.size(), " names for ", text_.features, " features"));
    }
    std::vector<std::string_view> sorted(text_.names.begin(), text_.names.end());
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
      return header.Broken("feature_names", Cat("'", Quoted(*twice), "' appears twice"));
    }
    text_.kinds.assign(static_cast<size_t>(text_.features), LightgbmFeatureKind::kNumeric);
    const auto infos = header.Find("feature_infos");
    if (!infos.has_value()) return absl::OkStatus();
    const std::vector<std::string> words = Words(*infos);
    if (words.size() != text_.kinds.size()) {
      return header.Broken("feature_infos", Cat(words.size(), " entries for ", text_.features, " features"));
    }
    std::transform(words.begin(), words.end(), text_.kinds.begin(), KindOf);
    return absl::OkStatus();
  }

  Status ReadTrees() {
    while (AtTree()) {
      const std::string_view title = lines_.Next();
      if (title != Cat("Tree=", text_.trees.size())) {
        return absl::InvalidArgumentError(Cat("'", Quoted(title), "' stands where Tree=", text_.trees.size(), " should"));
      }
      Section section{std::string(title)};
      while (!lines_.done() && !AtTree() && !lines_.Peek().empty()) VIGIL_RETURN_IF_ERROR(section.Add(lines_.Next()));
      VIGIL_ASSIGN_OR_RETURN(LightgbmTree tree, ReadTree(section, text_.features));
      text_.trees.push_back(std::move(tree));
      while (!lines_.done() && lines_.Peek().empty()) lines_.Next();
    }
    if (trees_promised_.has_value() && *trees_promised_ != text_.trees.size()) {
      return absl::InvalidArgumentError(Cat("tree_sizes promises ", *trees_promised_, " trees and ", text_.trees.size(), " follow"));
    }
    // LightGBM does save a model without trees, but then to its end.
    if (text_.trees.empty() && lines_.Peek() != "end of trees") return absl::InvalidArgumentError("no trees follow the header");
    if (text_.trees.size() % static_cast<size_t>(text_.outputs) != 0) {
      return absl::InvalidArgumentError(Cat(text_.trees.size(), " trees are no multiple of num_tree_per_iteration, ", text_.outputs));
    }
    return absl::OkStatus();
  }

  // After the trees: importances and parameters, of which only what says how categories were coded is of use.
  void ReadTail() {
    constexpr std::string_view kCategorical = "[categorical_feature: ", kPandas = "pandas_categorical:";
    while (!lines_.done()) {
      const std::string_view line = lines_.Next();
      if (line.starts_with(kCategorical) && line.ends_with(']')) {
        text_.categorical_feature = line.substr(kCategorical.size(), line.size() - kCategorical.size() - 1);
      }
      if (line.starts_with(kPandas) && line != "pandas_categorical:null") text_.pandas_categorical = line.substr(kPandas.size());
    }
  }

  Lines lines_;
  LightgbmText text_;
  std::optional<size_t> trees_promised_;
};

}  // namespace

StatusOr<LightgbmText> ReadLightgbmText(std::string_view content) { return TextReader(content).Read(); }

}  // namespace vigil::trees
