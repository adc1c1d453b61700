#include <algorithm>
#include <map>
#include <set>

#include "stats/metrics.h"

namespace vigil::stats {
namespace {

struct Ranked {
  double score = 0;
  int64_t id = 0;
  bool fraud = false;
};

// The k best, score falling, then id rising; fewer if there are fewer.
void KeepBest(std::vector<Ranked>* rows, size_t k) {
  const size_t kept = std::min(k, rows->size());
  std::partial_sort(rows->begin(), rows->begin() + static_cast<std::ptrdiff_t>(kept), rows->end(),
                    [](const Ranked& a, const Ranked& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });
  rows->resize(kept);
}

}  // namespace

std::vector<CardPrecisionDay> CardPrecisionAtK(absl::Span<const CardTransaction> transactions, size_t k, bool remove_detected) {
  std::map<int64_t, std::map<int64_t, Ranked>> days;  // day, card
  for (const CardTransaction& t : transactions) {
    auto [card, inserted] = days[t.day].try_emplace(t.card, Ranked{t.score, t.card, t.fraud});
    if (inserted) continue;
    card->second.score = std::max(card->second.score, t.score);
    card->second.fraud = card->second.fraud || t.fraud;
  }
  std::vector<CardPrecisionDay> out;
  std::set<int64_t> detected;
  for (const auto& [day, cards] : days) {
    CardPrecisionDay result;
    result.day = day;
    std::vector<Ranked> rows;
    for (const auto& [id, card] : cards) {
      if (remove_detected && detected.contains(id)) continue;
      rows.push_back(card);
      result.compromised_cards += card.fraud ? 1 : 0;
    }
    KeepBest(&rows, k);
    for (const Ranked& card : rows) {
      if (card.fraud) result.detected_cards.push_back(card.id);
    }
    std::sort(result.detected_cards.begin(), result.detected_cards.end());
    detected.insert(result.detected_cards.begin(), result.detected_cards.end());
    if (k > 0) result.precision = static_cast<double>(result.detected_cards.size()) / static_cast<double>(k);
    out.push_back(std::move(result));
  }
  return out;
}

std::vector<double> DailyPrecisionAtK(absl::Span<const CardTransaction> transactions, size_t k) {
  std::map<int64_t, std::vector<Ranked>> days;
  for (const CardTransaction& t : transactions) days[t.day].push_back({t.score, t.id, t.fraud});
  std::vector<double> out;
  for (auto& [day, rows] : days) {
    KeepBest(&rows, k);
    const auto frauds = std::count_if(rows.begin(), rows.end(), [](const Ranked& r) { return r.fraud; });
    out.push_back(k > 0 ? static_cast<double>(frauds) / static_cast<double>(k) : kUndefined);
  }
  return out;
}

}  // namespace vigil::stats
