#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/check_inputs.h"
#include "stats/metrics.h"
#include "stats/ranking.h"

namespace vigil::stats {
namespace {

using internal::Ratio;
using internal::WeightAt;

Status CheckMulticlass(absl::Span<const int32_t> labels, Values probabilities, size_t classes, Values weights) {
  if (classes < 2) return absl::InvalidArgumentError(absl::StrCat(classes, " classes; at least 2 are needed"));
  VIGIL_RETURN_IF_ERROR(
      internal::CheckSizes(labels.size() * classes, probabilities.size(), "probabilities (labels times classes is meant)"));
  VIGIL_RETURN_IF_ERROR(internal::CheckFinite(probabilities, "probability"));
  VIGIL_RETURN_IF_ERROR(internal::CheckWeights(labels.size(), weights));
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || static_cast<size_t>(labels[i]) >= classes) {
      return absl::InvalidArgumentError(absl::StrCat("label ", i, " is class ", labels[i], " of ", classes));
    }
  }
  return absl::OkStatus();
}

struct Sums {
  std::vector<double> actual, predicted;  // weight of each class, by truth and by prediction
  double correct = 0, total = 0;
};

Sums SumConfusion(const std::vector<double>& confusion, size_t k) {
  Sums s{std::vector<double>(k), std::vector<double>(k), 0, 0};
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < k; ++j) {
      const double w = confusion[i * k + j];
      s.actual[i] += w;
      s.predicted[j] += w;
      s.total += w;
      if (i == j) s.correct += w;
    }
  }
  return s;
}

void AddConfusionMetrics(MulticlassMetrics* m) {
  const size_t k = m->classes;
  const Sums s = SumConfusion(m->confusion, k);
  if (!(s.total > 0)) return;
  m->accuracy = s.correct / s.total;
  m->micro = {m->accuracy, m->accuracy, m->accuracy};
  m->macro = {0, 0, 0};
  m->weighted = {0, 0, 0};
  double recalls = 0, present = 0, agreement = 0, actual_squares = 0, predicted_squares = 0;
  for (size_t i = 0; i < k; ++i) {
    const double hits = m->confusion[i * k + i];
    const ClassAverages c{Ratio(hits, s.predicted[i], 0), Ratio(hits, s.actual[i], 0), Ratio(2 * hits, s.predicted[i] + s.actual[i], 0)};
    m->per_class.push_back(c);
    const double share = s.actual[i] / s.total;
    m->macro.precision += c.precision / static_cast<double>(k);
    m->macro.recall += c.recall / static_cast<double>(k);
    m->macro.f1 += c.f1 / static_cast<double>(k);
    m->weighted.precision += c.precision * share;
    m->weighted.recall += c.recall * share;
    m->weighted.f1 += c.f1 * share;
    if (s.actual[i] > 0) {
      recalls += c.recall;
      present += 1;
    }
    agreement += s.actual[i] * s.predicted[i];
    actual_squares += s.actual[i] * s.actual[i];
    predicted_squares += s.predicted[i] * s.predicted[i];
  }
  m->balanced_accuracy = recalls / present;
  const double total2 = s.total * s.total;
  m->mcc = Ratio(s.correct * s.total - agreement, std::sqrt(total2 - actual_squares) * std::sqrt(total2 - predicted_squares), 0);
  const double expected_disagreement = s.total - agreement / s.total;
  m->cohen_kappa = expected_disagreement == 0 ? kUndefined : 1 - (s.total - s.correct) / expected_disagreement;
}

// One class against the rest, for every class. Undefined as soon as a class is absent.
void AddOneVersusRest(absl::Span<const int32_t> labels, Values probabilities, Values weights, MulticlassMetrics* m) {
  const size_t n = labels.size(), k = m->classes;
  std::vector<double> is_class(n), score(n);
  double sum = 0, weighted = 0, total = 0;
  for (size_t c = 0; c < k; ++c) {
    double share = 0;
    for (size_t i = 0; i < n; ++i) {
      is_class[i] = static_cast<size_t>(labels[i]) == c ? 1 : 0;
      score[i] = probabilities[i * k + c];
      share += is_class[i] * WeightAt(weights, i);
    }
    const double auc = RankedScores(is_class, score).RocAuc(weights);
    sum += auc;
    weighted += auc * share;
    total += share;
  }
  m->roc_auc_ovr_macro = sum / static_cast<double>(k);
  m->roc_auc_ovr_weighted = weighted / total;
}

// Mean over pairs of classes of the two AUCs on the rows of either. Hand and Till 2001.
double OneVersusOne(absl::Span<const int32_t> labels, Values probabilities, size_t k) {
  double sum = 0;
  for (size_t a = 0; a < k; ++a) {
    for (size_t b = a + 1; b < k; ++b) {
      std::vector<double> is_a, is_b, score_a, score_b;
      for (size_t i = 0; i < labels.size(); ++i) {
        const auto label = static_cast<size_t>(labels[i]);
        if (label != a && label != b) continue;
        is_a.push_back(label == a ? 1 : 0);
        is_b.push_back(label == b ? 1 : 0);
        score_a.push_back(probabilities[i * k + a]);
        score_b.push_back(probabilities[i * k + b]);
      }
      sum += (RankedScores(is_a, score_a).RocAuc() + RankedScores(is_b, score_b).RocAuc()) / 2;
    }
  }
  return sum / (static_cast<double>(k * (k - 1)) / 2);
}

// The label is among the two largest probabilities; of equal ones the later class counts first, as in scikit-learn's stable sort.
bool InTopTwo(absl::Span<const double> row, size_t label) {
  size_t above = 0;
  for (size_t c = 0; c < row.size(); ++c) {
    if (c != label && (row[c] > row[label] || (row[c] == row[label] && c > label))) ++above;
  }
  return above < 2;
}

}  // namespace

StatusOr<MulticlassMetrics> ComputeMulticlassMetrics(absl::Span<const int32_t> labels, Values probabilities, size_t classes,
                                                     Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckMulticlass(labels, probabilities, classes, weights));
  MulticlassMetrics m;
  m.n = static_cast<int64_t>(labels.size());
  m.classes = classes;
  m.confusion.assign(classes * classes, 0);
  if (labels.empty()) return m;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  double loss = 0, top_two = 0, total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * classes, classes);
    const auto label = static_cast<size_t>(labels[i]);
    const auto predicted = static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    const double w = WeightAt(weights, i);
    m.confusion[label * classes + predicted] += w;
    loss -= w * std::log(std::clamp(row[label], kEpsilon, 1 - kEpsilon));
    top_two += InTopTwo(row, label) ? w : 0;
    total += w;
  }
  m.log_loss = Ratio(loss, total, kUndefined);
  if (classes > 2) m.top_2_accuracy = Ratio(top_two, total, kUndefined);
  AddConfusionMetrics(&m);
  AddOneVersusRest(labels, probabilities, weights, &m);
  if (weights.empty()) m.roc_auc_ovo_macro = OneVersusOne(labels, probabilities, classes);
  return m;
}

}  // namespace vigil::stats
