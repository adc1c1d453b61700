// Runs the statistics against a folder of golden values (VIGIL_GOLDEN, else the shared fixtures/golden). Nothing here knows a case by
// name: any folder of files of the same shape is met the same way, and a value that the files name but this module lacks is a failure.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/testing/paths.h"
#include "stats/divergence.h"
#include "stats/metrics.h"
#include "stats/quantile.h"
#include "stats/sequential.h"
#include "stats/significance.h"
#include "stats/splits.h"
#include "stats/two_sample.h"

namespace vigil::stats {
namespace {

std::optional<std::string> GoldenDir() {
  if (const char* dir = std::getenv("VIGIL_GOLDEN"); dir != nullptr && *dir != '\0') return dir;
  return testing::SharedPath("fixtures/golden");
}

std::optional<std::string> ReadGolden(const std::string& name) {
  const auto dir = GoldenDir();
  if (!dir) return std::nullopt;
  std::ifstream in(*dir + "/" + name);
  if (!in) return std::nullopt;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Loads `name` into `json`, or skips the test saying what is missing.
#define LOAD_GOLDEN(json, name)                                                                           \
  Json json;                                                                                              \
  {                                                                                                       \
    const auto text = ReadGolden(name);                                                                   \
    if (!text) GTEST_SKIP() << name << " is absent: no golden folder (set VIGIL_GOLDEN or VIGIL_SHARED)"; \
    auto parsed = ParseJson(*text, name);                                                                 \
    ASSERT_TRUE(parsed.ok()) << parsed.status();                                                          \
    json = *std::move(parsed);                                                                            \
  }

// null where the file says nothing.
const Json& At(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

struct Tolerance {
  double abs = 1e-9, rel = 1e-9;
  explicit Tolerance(const Json& t) {
    if (t.is_object()) {
      abs = t.value("abs", abs);
      rel = t.value("rel", rel);
    }
  }
};

double Number(const Json& value) {
  if (value.is_null()) return kUndefined;
  if (value.is_string()) {
    const std::string word = value.get<std::string>();
    if (word == "inf") return std::numeric_limits<double>::infinity();
    if (word == "-inf") return -std::numeric_limits<double>::infinity();
    return std::strtod(word.c_str(), nullptr);
  }
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  return value.get<double>();
}

std::vector<double> Numbers(const Json& array) {
  std::vector<double> out;
  if (array.is_null()) return out;
  for (const Json& value : array) out.push_back(Number(value));
  return out;
}

// null is "undefined", which this module says as NaN.
void Near(double got, double want, const Tolerance& t, const std::string& where) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << where << ": got " << got << ", undefined is meant";
  } else if (std::isinf(want)) {
    EXPECT_EQ(got, want) << where;
  } else {
    EXPECT_TRUE(std::abs(got - want) <= t.abs + t.rel * std::abs(want)) << where << ": got " << got << ", want " << want;
  }
}

void NearAll(absl::Span<const double> got, const Json& want, const Tolerance& t, const std::string& where) {
  ASSERT_EQ(got.size(), want.size()) << where;
  for (size_t i = 0; i < got.size(); ++i) Near(got[i], Number(want[i]), t, where + "[" + std::to_string(i) + "]");
}

// Compares every key of `expected` with the named values; a key that nothing answers is a failure.
void NearNamed(const Json& expected, const std::map<std::string, double>& got, const Tolerance& t, const std::string& where,
               std::initializer_list<const char*> elsewhere) {
  for (const auto& [key, value] : expected.items()) {
    if (std::any_of(elsewhere.begin(), elsewhere.end(), [&k = key](const char* name) { return k == name; })) continue;
    const auto found = got.find(key);
    if (found == got.end()) {
      ADD_FAILURE() << where << ": the golden file names " << key << ", which is not computed";
      continue;
    }
    Near(found->second, Number(value), t, where + " " + key);
  }
}

// A folder that was asked for and holds nothing to compare is a mistake, not a success.
TEST(Golden, TheFolderHoldsSomething) {
  const char* asked = std::getenv("VIGIL_GOLDEN");
  if (asked == nullptr || *asked == '\0') GTEST_SKIP() << "VIGIL_GOLDEN is not set: the shared fixtures are used where they are present";
  bool any = false;
  for (const char* name : {"metrics.json", "drift.json", "splits.json", "sequential.json", "card_precision.json"}) {
    any = any || ReadGolden(name).has_value();
  }
  EXPECT_TRUE(any) << asked << " holds none of the golden files";
}

// ---- metrics.json

std::map<std::string, double> Named(const BinaryMetrics& m) {
  return {{"n", static_cast<double>(m.n)},
          {"accuracy", m.accuracy},
          {"precision", m.precision},
          {"recall", m.recall},
          {"f1", m.f1},
          {"precision_undefined", m.precision_undefined},
          {"recall_undefined", m.recall_undefined},
          {"specificity", m.specificity},
          {"false_positive_rate", m.false_positive_rate},
          {"f_beta_0.5", m.f_half},
          {"f_beta_2", m.f2},
          {"balanced_accuracy", m.balanced_accuracy},
          {"mcc", m.mcc},
          {"cohen_kappa", m.cohen_kappa},
          {"jaccard", m.jaccard},
          {"roc_auc", m.roc_auc},
          {"average_precision", m.average_precision},
          {"brier", m.brier},
          {"log_loss", m.log_loss},
          {"ece_10", m.ece},
          {"max_calibration_error_10", m.max_calibration_error},
          {"gini", m.gini},
          {"ks_statistic", m.ks_statistic}};
}

void CheckBinaryCase(const Json& c, const Tolerance& t, const std::string& where) {
  const auto labels = Numbers(At(c, "y_true")), scores = Numbers(At(c, "y_score")), weights = Numbers(At(c, "sample_weight"));
  const auto metrics = ComputeBinaryMetrics(labels, scores, Number(At(c, "threshold")), weights);
  ASSERT_TRUE(metrics.ok()) << where << metrics.status();
  const Json& expected = At(c, "expected");
  if (expected.is_null()) {
    EXPECT_EQ(metrics->n, 0) << where;
    for (const auto& [name, value] : Named(*metrics)) {
      if (name != "n" && name.find("undefined") == std::string::npos) {
        EXPECT_TRUE(std::isnan(value)) << where << name;
      }
    }
    return;
  }
  NearNamed(expected, Named(*metrics), t, where, {"confusion_matrix", "precision_at_k", "roc_curve", "pr_curve"});
  const Confusion& confusion = metrics->confusion;
  NearAll({confusion.true_negatives, confusion.false_positives}, At(expected, "confusion_matrix")[0], t, where + " confusion[0]");
  NearAll({confusion.false_negatives, confusion.true_positives}, At(expected, "confusion_matrix")[1], t, where + " confusion[1]");
  for (const auto& [k, value] : At(expected, "precision_at_k").items()) {
    Near(*PrecisionAtK(labels, scores, std::stoul(k)), Number(value), t, where + " precision_at_k " + k);
  }
  if (expected.contains("roc_curve")) {
    const auto curve = ComputeRocCurve(labels, scores, weights);
    NearAll(curve->false_positive_rate, At(At(expected, "roc_curve"), "fpr"), t, where + " fpr");
    NearAll(curve->true_positive_rate, At(At(expected, "roc_curve"), "tpr"), t, where + " tpr");
    NearAll(curve->threshold, At(At(expected, "roc_curve"), "threshold"), t, where + " roc threshold");
  }
  if (expected.contains("pr_curve")) {
    const auto curve = ComputePrCurve(labels, scores, weights);
    NearAll(curve->precision, At(At(expected, "pr_curve"), "precision"), t, where + " curve precision");
    NearAll(curve->recall, At(At(expected, "pr_curve"), "recall"), t, where + " curve recall");
    NearAll(curve->threshold, At(At(expected, "pr_curve"), "threshold"), t, where + " pr threshold");
  }
}

void CheckMulticlassCase(const Json& c, const Tolerance& t, const std::string& where) {
  std::vector<int32_t> labels;
  for (const Json& y : At(c, "y_true")) {
    const auto& known = At(c, "labels");
    labels.push_back(static_cast<int32_t>(std::find(known.begin(), known.end(), y) - known.begin()));
  }
  std::vector<double> probabilities;
  for (const Json& row : At(c, "y_proba")) {
    for (const Json& p : row) probabilities.push_back(Number(p));
  }
  const size_t k = At(c, "labels").size();
  const auto m = ComputeMulticlassMetrics(labels, probabilities, k, Numbers(At(c, "sample_weight")));
  ASSERT_TRUE(m.ok()) << where << m.status();
  const Json& expected = At(c, "expected");
  NearNamed(expected,
            {{"n", static_cast<double>(m->n)},
             {"accuracy", m->accuracy},
             {"balanced_accuracy", m->balanced_accuracy},
             {"mcc", m->mcc},
             {"cohen_kappa", m->cohen_kappa},
             {"log_loss", m->log_loss},
             {"roc_auc_ovr_macro", m->roc_auc_ovr_macro},
             {"roc_auc_ovr_weighted", m->roc_auc_ovr_weighted},
             {"roc_auc_ovo_macro", m->roc_auc_ovo_macro},
             {"top_2_accuracy", m->top_2_accuracy}},
            t, where, {"confusion_matrix", "macro", "micro", "weighted", "per_class"});
  for (const auto& [name, got] : {std::pair{"macro", m->macro}, {"micro", m->micro}, {"weighted", m->weighted}}) {
    Near(got.precision, Number(At(At(expected, name), "precision")), t, where + name + " precision");
    Near(got.recall, Number(At(At(expected, name), "recall")), t, where + name + " recall");
    Near(got.f1, Number(At(At(expected, name), "f1")), t, where + name + " f1");
  }
  for (size_t i = 0; i < k; ++i) {
    NearAll(absl::MakeConstSpan(m->confusion).subspan(i * k, k), At(expected, "confusion_matrix")[i], t, where + " confusion");
    Near(m->per_class[i].precision, Number(At(At(expected, "per_class"), "precision")[i]), t, where + " class precision");
    Near(m->per_class[i].recall, Number(At(At(expected, "per_class"), "recall")[i]), t, where + " class recall");
    Near(m->per_class[i].f1, Number(At(At(expected, "per_class"), "f1")[i]), t, where + " class f1");
  }
}

void CheckRegressionCase(const Json& c, const Tolerance& t, const std::string& where) {
  const auto targets = Numbers(At(c, "y_true")), predictions = Numbers(At(c, "y_pred")), weights = Numbers(At(c, "sample_weight"));
  const auto m = ComputeRegressionMetrics(targets, predictions, weights);
  ASSERT_TRUE(m.ok()) << where << m.status();
  const Json& expected = At(c, "expected");
  if (expected.is_null()) {
    EXPECT_EQ(m->n, 0) << where;
    EXPECT_TRUE(std::isnan(m->mae) && std::isnan(m->rmse) && std::isnan(m->r2)) << where;
    return;
  }
  std::map<std::string, double> got = {{"n", static_cast<double>(m->n)},
                                       {"mae", m->mae},
                                       {"mse", m->mse},
                                       {"rmse", m->rmse},
                                       {"r2", m->r2},
                                       {"mape", m->mape},
                                       {"median_absolute_error", m->median_absolute_error},
                                       {"max_error", m->max_error},
                                       {"explained_variance", m->explained_variance},
                                       {"mean_error", m->mean_error},
                                       {"msle", m->msle},
                                       {"rmsle", m->rmsle}};
  for (const auto& [key, value] : expected.items()) {
    if (key.rfind("pinball_", 0) == 0) got[key] = *PinballLoss(targets, predictions, std::stod(key.substr(8)), weights);
  }
  NearNamed(expected, got, t, where, {});
}

TEST(Golden, Metrics) {
  LOAD_GOLDEN(golden, "metrics.json");
  const Tolerance t(At(golden, "tolerance"));
  ASSERT_GT(At(golden, "cases").size(), 0u);
  for (const Json& c : At(golden, "cases")) {
    const std::string task = At(c, "task"), where = task + " " + At(c, "name").get<std::string>();
    if (task == "binary") {
      CheckBinaryCase(c, t, where);
    } else if (task == "multiclass") {
      CheckMulticlassCase(c, t, where);
    } else if (task == "regression") {
      CheckRegressionCase(c, t, where);
    } else {
      ADD_FAILURE() << where << ": unknown task";
    }
  }
}

// ---- drift.json

std::map<std::string, double> Distances(const std::vector<int64_t>& reference, const std::vector<int64_t>& current) {
  return {{"bin_count", static_cast<double>(reference.size())},
          {"psi", Psi(reference, current)},
          {"psi_half_count", PsiHalfCount(reference, current)},
          {"kl_current_reference", KullbackLeibler(current, reference)},
          {"kl_reference_current", KullbackLeibler(reference, current)},
          {"js_distance_base2", JensenShannonDistance(reference, current)},
          {"js_distance_e", JensenShannonDistanceNats(reference, current)},
          {"hellinger", Hellinger(reference, current)},
          {"l_infinity", LInfinity(reference, current)},
          {"total_variation", TotalVariation(reference, current)}};
}

void CheckCounts(const std::vector<int64_t>& got, const Json& want, const std::string& where) {
  EXPECT_EQ(got, want.get<std::vector<int64_t>>()) << where;
}

void CheckBins(const Json& expected, size_t bins, const std::vector<double>& reference, const std::vector<double>& current,
               const Tolerance& t, const std::string& where) {
  const auto edges = QuantileEdges(reference, bins);
  const auto reference_counts = CountBins(reference, edges), current_counts = CountBins(current, edges);
  if (expected.contains("inner_edges")) NearAll(edges, At(expected, "inner_edges"), t, where + " edges");
  if (expected.contains("reference_counts")) CheckCounts(reference_counts, At(expected, "reference_counts"), where);
  if (expected.contains("current_counts")) CheckCounts(current_counts, At(expected, "current_counts"), where);
  NearNamed(expected, Distances(reference_counts, current_counts), t, where, {"inner_edges", "reference_counts", "current_counts"});
}

// Compares "statistic" with one tolerance and what begins with "p" with the other.
void CheckTest(const Json& expected, double statistic, const std::map<std::string, double>& p_values, const Tolerance& t,
               const Tolerance& tp, const std::string& where) {
  std::map<std::string, double> got = p_values;
  NearNamed(expected, got, tp, where, {"statistic", "note", "dof"});
  Near(statistic, Number(At(expected, "statistic")), t, where + " statistic");
}

void CheckNumericDrift(const Json& c, const Tolerance& t, const Tolerance& tp, const std::string& where) {
  const auto reference = Numbers(At(c, "reference")), current = Numbers(At(c, "current"));
  for (const auto& [key, expected] : At(c, "expected").items()) {
    const std::string at = where + " " + key;
    if (key.rfind("bins_", 0) == 0) {
      CheckBins(expected, std::stoul(key.substr(5)), reference, current, t, at);
    } else if (key == "ks") {
      const TestResult exact = KolmogorovSmirnovExact(reference, current), limit = KolmogorovSmirnovAsymptotic(reference, current);
      CheckTest(expected, exact.statistic, {{"p_exact", exact.p_value}, {"p_asymptotic", limit.p_value}}, t, tp, at);
    } else if (key == "wasserstein_1") {
      Near(Wasserstein1(reference, current), Number(expected), t, at);
    } else if (key == "wasserstein_1_over_reference_std") {
      Near(NormalizedWasserstein1(reference, current), Number(expected), t, at);
    } else if (key == "energy_distance") {
      Near(EnergyDistance(reference, current), Number(expected), t, at);
    } else if (key == "anderson_darling") {
      const TestResult r = AndersonDarling(reference, current);
      CheckTest(expected, r.statistic, {{"p", r.p_value}}, t, tp, at);
    } else if (key == "cramer_von_mises") {
      const TestResult r = CramerVonMises(reference, current);
      CheckTest(expected, r.statistic, {{"p_asymptotic", r.p_value}}, t, tp, at);
    } else if (key == "t_test_welch") {
      const TestResult r = WelchT(reference, current);
      CheckTest(expected, r.statistic, {{"p", r.p_value}}, t, tp, at);
    } else if (key == "mann_whitney_u") {
      const TestResult r = MannWhitneyU(reference, current);
      CheckTest(expected, r.statistic, {{"p_asymptotic", r.p_value}}, t, tp, at);
    } else {
      ADD_FAILURE() << at << ": the golden file names it, but it is not computed";
    }
  }
}

void CheckCategoricalDrift(const Json& c, const Tolerance& t, const Tolerance& tp, const std::string& where) {
  const Json& expected = At(c, "expected");
  std::vector<int64_t> reference, current;
  for (const Json& category : At(expected, "categories")) {
    reference.push_back(std::count(At(c, "reference").begin(), At(c, "reference").end(), category));
    current.push_back(std::count(At(c, "current").begin(), At(c, "current").end(), category));
  }
  CheckCounts(reference, At(expected, "reference_counts"), where);
  CheckCounts(current, At(expected, "current_counts"), where);
  const ChiSquare two = ChiSquareTwoSample(reference, current), fit = ChiSquareGoodnessOfFit(reference, current);
  auto got = Distances(reference, current);
  got["cramers_v"] = two.cramers_v;
  NearNamed(expected, got, t, where,
            {"categories", "reference_counts", "current_counts", "chi2_two_sample", "chi2_goodness_of_fit", "z_test_two_proportions"});
  if (expected.contains("chi2_two_sample")) {
    EXPECT_EQ(two.degrees, At(At(expected, "chi2_two_sample"), "dof").get<int64_t>()) << where;
    CheckTest(At(expected, "chi2_two_sample"), two.statistic, {{"p", two.p_value}}, t, tp, where + " chi2_two_sample");
  }
  if (expected.contains("chi2_goodness_of_fit")) {
    CheckTest(At(expected, "chi2_goodness_of_fit"), fit.statistic, {{"p", fit.p_value}}, t, tp, where + " chi2_goodness_of_fit");
  } else {
    EXPECT_TRUE(std::isnan(fit.p_value)) << where;
  }
  if (expected.contains("z_test_two_proportions")) {
    const ZTest z = TwoProportionZ(reference.back(), static_cast<int64_t>(At(c, "reference").size()), current.back(),
                                   static_cast<int64_t>(At(c, "current").size()));
    CheckTest(At(expected, "z_test_two_proportions"), z.statistic, {{"p", z.p_value}}, t, tp, where + " z");
  }
}

TEST(Golden, Drift) {
  LOAD_GOLDEN(golden, "drift.json");
  const Tolerance t(At(golden, "tolerance")), tp(At(At(golden, "tolerance"), "p_values"));
  ASSERT_GT(At(golden, "cases").size(), 0u);
  for (const Json& c : At(golden, "cases")) {
    const std::string where = At(c, "name");
    if (At(c, "type") == "numeric") {
      CheckNumericDrift(c, t, tp, where);
    } else {
      CheckCategoricalDrift(c, t, tp, where);
    }
  }
}

// ---- splits.json

std::vector<uint64_t> GroupCodes(const Json& groups) {
  std::vector<uint64_t> out;
  if (groups.is_null()) return out;
  std::map<Json, uint64_t> codes;
  for (const Json& g : groups) codes.emplace(g, 0);
  uint64_t next = 0;
  for (auto& [group, code] : codes) code = next++;
  for (const Json& g : groups) out.push_back(codes.at(g));
  return out;
}

StatusOr<Splits> MakeSplits(const std::string& splitter, const Json& params, size_t n, const Json& y, const Json& groups) {
  const int folds = params.value("n_splits", 5);
  if (splitter == "KFold") return KFold(n, folds);
  if (splitter == "StratifiedKFold") return StratifiedKFold(Numbers(y), folds);
  if (splitter == "GroupKFold") return GroupKFold(GroupCodes(groups), folds);
  if (splitter == "StratifiedGroupKFold") return StratifiedGroupKFold(Numbers(y), GroupCodes(groups), folds);
  if (splitter == "LeaveOneGroupOut") return LeaveOneGroupOut(GroupCodes(groups));
  if (splitter != "TimeSeriesSplit") return absl::UnimplementedError("no such splitter: " + splitter);
  TimeSeriesOptions options;
  options.folds = folds;
  options.gap = params.value("gap", size_t{0});
  if (params.contains("test_size") && !At(params, "test_size").is_null()) options.test_size = At(params, "test_size").get<size_t>();
  if (params.contains("max_train_size") && !At(params, "max_train_size").is_null())
    options.train_size_max = At(params, "max_train_size").get<size_t>();
  return TimeSeriesSplit(n, options);
}

// "KFold(n_splits=5, shuffle=False)" to its whole-number arguments.
Json ParamsOf(const std::string& repr) {
  Json params = Json::object();
  for (size_t at = repr.find('='); at != std::string::npos; at = repr.find('=', at + 1)) {
    size_t start = at;
    while (start > 0 && (std::isalnum(static_cast<unsigned char>(repr[start - 1])) || repr[start - 1] == '_')) --start;
    if (at + 1 < repr.size() && std::isdigit(static_cast<unsigned char>(repr[at + 1]))) {
      params[repr.substr(start, at - start)] = std::stoll(repr.substr(at + 1));
    }
  }
  return params;
}

TEST(Golden, Splits) {
  LOAD_GOLDEN(golden, "splits.json");
  ASSERT_GT(At(golden, "cases").size(), 0u);
  for (const Json& c : At(golden, "cases")) {
    const std::string where = At(c, "splitter").get<std::string>() + At(c, "params").dump() + " n=" + At(c, "n").dump();
    const auto splits = MakeSplits(At(c, "splitter"), At(c, "params"), At(c, "n"), At(c, "y"), At(c, "groups"));
    ASSERT_TRUE(splits.ok()) << where << splits.status();
    ASSERT_EQ(splits->size(), At(c, "folds").size()) << where;
    for (size_t f = 0; f < splits->size(); ++f) {
      EXPECT_EQ((*splits)[f].train, At(c, "folds")[f]["train"].get<std::vector<uint32_t>>()) << where << " fold " << f;
      EXPECT_EQ((*splits)[f].test, At(c, "folds")[f]["test"].get<std::vector<uint32_t>>()) << where << " fold " << f;
    }
  }
  for (const Json& c : At(golden, "errors")) {
    const auto splits = MakeSplits(At(c, "splitter"), ParamsOf(At(c, "repr")), At(c, "n"), At(c, "y"), At(c, "groups"));
    EXPECT_EQ(splits.status().code(), absl::StatusCode::kInvalidArgument) << At(c, "repr") << splits.status();
  }
}

// ---- sequential.json

ArmSums Arm(const Json& arm) { return {Number(At(arm, "sum")), Number(At(arm, "sum_squares")), At(arm, "n").get<int64_t>()}; }

SequentialDifference CheckDifference(const Json& c, const Tolerance& t, const std::string& where) {
  MixtureOptions options;
  options.alpha = Number(At(c, "alpha"));
  if (!At(c, "fixed_tau2").is_null()) options.tau2 = Number(At(c, "fixed_tau2"));
  if (!At(c, "rho2").is_null()) options.rho2 = Number(At(c, "rho2"));
  if (!At(c, "n_star").is_null()) {
    options.rho2 = MixingRatioForSampleSize(Number(At(c, "n_star")), options.alpha);
    if (!At(c, "rho2").is_null()) Near(options.rho2, Number(At(c, "rho2")), t, where + " rho2");
  }
  const auto r = CompareMeans(Arm(At(c, "control")), Arm(At(c, "treatment")), options);
  EXPECT_TRUE(r.ok()) << where << r.status();
  if (!r.ok()) return {};
  NearNamed(At(c, "expected"),
            {{"difference", r->difference},
             {"variance", r->variance},
             {"tau2", r->tau2},
             {"likelihood_ratio", std::exp(r->log_likelihood_ratio)},
             {"log_likelihood_ratio", r->log_likelihood_ratio},
             {"p_value", r->p_value},
             {"half_width", r->half_width},
             {"fixed_horizon_z", r->fixed_z},
             {"fixed_horizon_p", r->fixed_p}},
            t, where, {"ci"});
  NearAll({r->low, r->high}, At(At(c, "expected"), "ci"), t, where + " ci");
  return *r;
}

TEST(Golden, Sequential) {
  LOAD_GOLDEN(golden, "sequential.json");
  const Tolerance t(At(golden, "tolerance"));
  ASSERT_GT(At(golden, "cases").size(), 0u);
  for (const Json& c : At(golden, "cases")) CheckDifference(c, t, At(c, "name"));
  RunningSequence running;
  for (const Json& c : At(golden, "looks")) {
    const std::string where = "look " + std::to_string(running.looks());
    running.Look(CheckDifference(c, t, where));
    Near(running.p_value(), Number(At(c, "running_p_value")), t, where + " running p");
    NearAll({running.low(), running.high()}, At(c, "running_ci"), t, where + " running ci");
  }
  for (const Json& c : At(golden, "srm")) {
    const auto r = TestSampleRatio(At(c, "counts").get<std::vector<int64_t>>(), Numbers(At(c, "theta")), Number(At(c, "k")));
    ASSERT_TRUE(r.ok()) << c.dump() << r.status();
    NearNamed(At(c, "expected"),
              {{"log_bayes_factor", r->log_bayes_factor}, {"p_value", r->p_value}, {"chi2", r->chi_square}, {"chi2_p", r->chi_square_p}}, t,
              "srm " + At(c, "counts").dump(), {});
  }
}

// ---- card_precision.json

struct ScoredTransactions {
  std::vector<CardTransaction> rows;
  std::vector<std::string> days;  // rising; a row's day is an index
};

// A number as text, also in the form `np.float64(0.5)`.
double CellNumber(const std::string& cell) {
  const size_t open = cell.find('(');
  return std::strtod(cell.c_str() + (open == std::string::npos ? 0 : open + 1), nullptr);
}

ScoredTransactions ReadTransactions(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::map<std::string, size_t> columns;
  std::vector<std::vector<std::string>> table;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> cells;
    std::istringstream fields(line);
    for (std::string cell; std::getline(fields, cell, ',');) cells.push_back(cell);
    if (columns.empty()) {
      for (size_t i = 0; i < cells.size(); ++i) columns[cells[i]] = i;
    } else if (!cells.empty()) {
      table.push_back(std::move(cells));
    }
  }
  ScoredTransactions out;
  for (const auto& row : table) out.days.push_back(row[columns.at("day")]);
  std::sort(out.days.begin(), out.days.end());
  out.days.erase(std::unique(out.days.begin(), out.days.end()), out.days.end());
  for (const auto& row : table) {
    CardTransaction t;
    t.day = std::lower_bound(out.days.begin(), out.days.end(), row[columns.at("day")]) - out.days.begin();
    t.id = std::stoll(row[columns.at("tx_id")]);
    t.card = std::stoll(row[columns.at("customer_id")]);
    t.score = CellNumber(row[columns.at("score")]);
    t.fraud = CellNumber(row[columns.at("is_fraud")]) > 0.5;
    out.rows.push_back(t);
  }
  return out;
}

void CheckCardPrecision(const Json& c, const ScoredTransactions& data, const Tolerance& t) {
  const std::string where = "card precision k=" + At(c, "k").dump();
  const auto days = CardPrecisionAtK(data.rows, At(c, "k").get<size_t>(), At(c, "remove_detected").get<bool>());
  ASSERT_EQ(days.size(), At(c, "days").size()) << where;
  double sum = 0;
  for (size_t d = 0; d < days.size(); ++d) {
    EXPECT_EQ(data.days[static_cast<size_t>(days[d].day)], At(c, "days")[d].get<std::string>());
    EXPECT_EQ(days[d].compromised_cards, At(c, "compromised_cards")[d].get<int64_t>()) << where << " day " << d;
    EXPECT_EQ(days[d].detected_cards, At(c, "detected_cards")[d].get<std::vector<int64_t>>()) << where << " day " << d;
    Near(days[d].precision, Number(At(c, "card_precision_per_day")[d]), t, where);
    sum += days[d].precision;
  }
  Near(sum / static_cast<double>(days.size()), Number(At(c, "mean")), t, where + " mean");
}

TEST(Golden, CardPrecision) {
  LOAD_GOLDEN(golden, "card_precision.json");
  const auto csv = ReadGolden(golden.value("data", "card_precision.csv"));
  ASSERT_TRUE(csv.has_value());
  const ScoredTransactions data = ReadTransactions(*csv);
  const Tolerance t(At(golden, "tolerance"));
  for (const Json& c : At(golden, "card_precision")) CheckCardPrecision(c, data, t);
  for (const Json& c : At(golden, "precision_top_k")) {
    const auto days = DailyPrecisionAtK(data.rows, At(c, "k").get<size_t>());
    NearAll(days, At(c, "per_day"), t, "precision_top_k");
    Near(std::accumulate(days.begin(), days.end(), 0.0) / static_cast<double>(days.size()), Number(At(c, "mean")), t,
         "precision_top_k mean");
  }
  std::vector<double> labels, scores;
  for (const CardTransaction& row : data.rows) {
    labels.push_back(row.fraud ? 1 : 0);
    scores.push_back(row.score);
  }
  const auto metrics = ComputeBinaryMetrics(labels, scores, 0.5);
  Near(metrics->roc_auc, Number(At(golden, "roc_auc")), t, "roc_auc");
  Near(metrics->average_precision, Number(At(golden, "average_precision")), t, "average_precision");
}

}  // namespace
}  // namespace vigil::stats
