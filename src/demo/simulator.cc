#include "demo/simulator.h"

#include <algorithm>
#include <cmath>

namespace vigil::demo {
namespace {

constexpr double kNoonSeconds = 43'200;
constexpr double kSpreadSeconds = 20'000;
constexpr double kDaySeconds = 86'400;
constexpr double kTestAmountMax = 20;
constexpr double kNightHours = 6.5;
constexpr int kTestsANight = 3;

float Cents(double amount) { return static_cast<float>(std::round(std::max(amount, 0.01) * 100) / 100); }

}  // namespace

Simulator::Simulator(const SimulatorOptions& options)
    : options_(options), random_(options.seed), terminal_compromised_until_(static_cast<size_t>(options.terminals), -1) {
  Place();
}

void Simulator::Place() {
  std::vector<std::pair<double, double>> terminals(static_cast<size_t>(options_.terminals));
  for (auto& [x, y] : terminals) {
    x = random_.Uniform(0, options_.side);
    y = random_.Uniform(0, options_.side);
  }
  customers_.resize(static_cast<size_t>(options_.customers));
  for (Customer& customer : customers_) {
    customer.x = random_.Uniform(0, options_.side);
    customer.y = random_.Uniform(0, options_.side);
    customer.mean_amount = random_.Uniform(5, 100);
    customer.sd_amount = customer.mean_amount / 2;
    customer.daily_mean = random_.Uniform(0, 4);
    for (size_t t = 0; t < terminals.size(); ++t) {
      const double dx = terminals[t].first - customer.x, dy = terminals[t].second - customer.y;
      if (dx * dx + dy * dy < options_.radius * options_.radius) customer.terminals.push_back(static_cast<int32_t>(t));
    }
  }
}

// Knuth's method: the means here are below 5.
int Simulator::Poisson(double mean) {
  const double limit = std::exp(-mean);
  double product = random_.Uniform();
  int n = 0;
  while (product > limit) {
    product *= random_.Uniform();
    ++n;
  }
  return n;
}

void Simulator::Compromise() {
  for (int i = 0; i < options_.terminals_compromised_a_day; ++i) {
    terminal_compromised_until_[random_.Below(static_cast<uint64_t>(options_.terminals))] = day_ + options_.terminal_days;
  }
  for (int i = 0; i < options_.customers_compromised_a_day; ++i) {
    customers_[random_.Below(customers_.size())].compromised_until = day_ + options_.customer_days;
  }
  if (!changed()) return;
  for (int i = 0; i < options_.testers_a_day; ++i) {
    customers_[random_.Below(customers_.size())].tested_until = day_ + options_.tester_days;
  }
}

void Simulator::Pay(int32_t index, std::vector<Transaction>* day) {
  const Customer& customer = customers_[static_cast<size_t>(index)];
  if (customer.terminals.empty()) return;
  for (int n = Poisson(customer.daily_mean); n > 0; --n) {
    const double second = kNoonSeconds + kSpreadSeconds * random_.Normal();
    double amount = customer.mean_amount + customer.sd_amount * random_.Normal();
    if (amount < 0) amount = random_.Uniform(0, 2 * customer.mean_amount);
    if (second <= 0 || second >= kDaySeconds) continue;
    if (changed()) amount *= options_.amount_factor;
    Transaction tx;
    tx.time = options_.start + day_ * kDayUs + static_cast<TimeUs>(second) * kSecondUs;
    tx.customer = index;
    tx.terminal = customer.terminals[random_.Below(customer.terminals.size())];
    tx.amount = Cents(amount);
    if (tx.amount > options_.large_amount * (changed() ? options_.amount_factor : 1)) tx.scenario = 1;
    if (!changed() && terminal_compromised_until_[static_cast<size_t>(tx.terminal)] > day_) tx.scenario = 2;
    if (customer.compromised_until > day_ && random_.Uniform() < 1.0 / 3) {
      tx.amount = Cents(tx.amount * options_.customer_factor);
      tx.scenario = 3;
    }
    tx.fraud = tx.scenario != 0;
    day->push_back(tx);
  }
}

void Simulator::TestCard(int32_t index, std::vector<Transaction>* day) {
  const Customer& customer = customers_[static_cast<size_t>(index)];
  if (customer.tested_until <= day_ || customer.terminals.empty()) return;
  for (int n = Poisson(kTestsANight); n > 0; --n) {
    Transaction tx;
    tx.time = options_.start + day_ * kDayUs + static_cast<TimeUs>(random_.Uniform(0, kNightHours * 3600)) * kSecondUs;
    tx.customer = index;
    tx.terminal = customer.terminals[random_.Below(customer.terminals.size())];
    tx.amount = Cents(random_.Uniform(0.5, kTestAmountMax));
    tx.scenario = 4;
    tx.fraud = true;
    day->push_back(tx);
  }
}

std::vector<Transaction> Simulator::NextDay() {
  Compromise();
  std::vector<Transaction> day;
  for (int32_t c = 0; c < options_.customers; ++c) {
    Pay(c, &day);
    TestCard(c, &day);
  }
  std::stable_sort(day.begin(), day.end(), [](const Transaction& a, const Transaction& b) { return a.time < b.time; });
  for (Transaction& tx : day) tx.id = next_id_++;
  ++day_;
  return day;
}

}  // namespace vigil::demo
