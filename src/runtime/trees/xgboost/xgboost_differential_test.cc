// Every objective against XGBoost itself: trained, saved in both forms, predicted by both, for several base scores.
#include <cmath>
#include <filesystem>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/testing/xgboost_peer.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/loader.h"

namespace vigil::trees {
namespace {

constexpr size_t kRows = 400, kColumns = 6;

struct Case {
  std::string objective;
  std::string base_score;  // empty: estimated by XGBoost
  std::vector<std::pair<std::string, std::string>> more;
};

class XgboostDifferentialTest : public ::testing::TestWithParam<Case> {};

TEST_P(XgboostDifferentialTest, PredictsTheSame) {
  const std::string library = (testing::SourceDir() / ".deps" / "lib" / "libxgboost.so").string();
  if (!std::filesystem::exists(library)) GTEST_SKIP() << library << " is not there; run tools/setup/setup.sh";
  const auto peer = testing::XgboostPeer::Open(library);
  ASSERT_TRUE(peer.ok()) << peer.status();

  const Case& c = GetParam();
  const bool multiclass = c.objective.starts_with("multi:"),
             binary = c.objective.starts_with("binary:") || c.objective.starts_with("rank:");
  Random random(5);
  std::vector<float> matrix, labels;
  for (size_t r = 0; r < kRows; ++r) {
    double score = 0;
    for (size_t f = 0; f < kColumns; ++f) {
      const double x = random.Normal();
      score += f % 2 == 0 ? x : std::sin(3 * x);
      matrix.push_back(random.Uniform() < 0.1 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(x));
    }
    const double positive = std::exp(0.3 * score);
    labels.push_back(multiclass                       ? static_cast<float>(score < -1  ? 0
                                                                           : score < 1 ? 1
                                                                                       : 2)
                     : binary                         ? static_cast<float>(score + random.Normal() > 0)
                     : c.objective == "reg:logistic"  ? static_cast<float>(1 / (1 + positive))
                     : c.objective == "count:poisson" ? static_cast<float>(std::floor(positive * 3))
                                                      : static_cast<float>(positive));
  }
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"objective", c.objective}, {"max_depth", "4"}, {"nthread", "1"}, {"verbosity", "0"}};
  if (!c.base_score.empty()) parameters.emplace_back("base_score", c.base_score);
  parameters.insert(parameters.end(), c.more.begin(), c.more.end());

  const testing::TempDir dir;
  for (const std::string file : {"m.json", "m.ubj"}) {
    const std::vector<std::string> label_fields = c.objective == "survival:aft"
                                                      ? std::vector<std::string>{"label_lower_bound", "label_upper_bound"}
                                                      : std::vector<std::string>{"label"};
    const Status trained = (*peer)->Train(matrix, labels, parameters, 12, dir.file(file), label_fields);
    ASSERT_TRUE(trained.ok()) << trained;
    const Status loaded = (*peer)->Load(dir.file(file));
    ASSERT_TRUE(loaded.ok()) << loaded;
    std::vector<std::unique_ptr<ModelLoader>> loaders;
    loaders.push_back(MakeXgboostLoader());
    const auto model = LoadModel(loaders, dir.file(file), {});
    ASSERT_TRUE(model.ok()) << model.status();
    ScoreCall call;
    call.margin = true;
    Outputs outputs;
    ASSERT_TRUE((*model)->NewScorer()->Score(Batch::FloatMatrix(matrix.data(), kRows, kColumns), call, &outputs).ok());
    for (const bool margin : {true, false}) {
      const float* want = nullptr;
      size_t size = 0;
      ASSERT_TRUE((*peer)->Predict(matrix.data(), kRows, kColumns, margin, &want, &size).ok());
      const std::vector<float>& got = outputs.tensors[margin ? 1 : 0].floats;
      ASSERT_EQ(got.size(), size) << (margin ? "margin" : "prediction");
      for (size_t i = 0; i < size; ++i) {
        if (margin) {
          ASSERT_EQ(got[i], want[i]) << file << ", margin " << i;
        } else {
          ASSERT_NEAR(got[i], want[i], 1e-7 + 1e-6 * std::abs(want[i])) << file << ", prediction " << i;
        }
      }
    }
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* objective : {"reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:logistic",
                                "reg:gamma", "reg:tweedie", "count:poisson", "binary:logistic", "binary:logitraw", "binary:hinge",
                                "rank:pairwise", "rank:ndcg", "rank:map", "survival:cox", "survival:aft", "reg:quantileerror"}) {
    std::vector<std::pair<std::string, std::string>> more;
    if (std::string(objective) == "reg:quantileerror") more = {{"quantile_alpha", "[0.2,0.8]"}};
    cases.push_back({objective, "", more});
    cases.push_back({objective, "0.3", more});
  }
  for (const char* objective : {"multi:softprob", "multi:softmax"}) {
    cases.push_back({objective, "", {{"num_class", "3"}}});
    cases.push_back({objective, "0.3", {{"num_class", "3"}, {"num_parallel_tree", "2"}, {"subsample", "0.7"}}});
  }
  cases.push_back({"binary:logistic", "", {{"num_parallel_tree", "3"}, {"subsample", "0.5"}}});
  cases.push_back({"binary:logistic", "", {{"grow_policy", "lossguide"}, {"max_leaves", "40"}, {"max_depth", "0"}}});
  cases.push_back({"binary:logistic", "", {{"tree_method", "exact"}, {"max_depth", "9"}, {"gamma", "1"}}});
  return cases;
}

void PrintTo(const Case& c, std::ostream* out) { *out << c.objective << ", base_score '" << c.base_score << "'"; }

INSTANTIATE_TEST_SUITE_P(Objectives, XgboostDifferentialTest, ::testing::ValuesIn(Cases()), [](const auto& test) {
  std::string name = absl::StrCat(test.index, "_", test.param.objective);
  for (char& ch : name) ch = ch == ':' ? '_' : ch;
  return name;
});

}  // namespace
}  // namespace vigil::trees
