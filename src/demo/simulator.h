// A stream of card transactions with fraud in it, made here from a seed: no data is shipped and none is downloaded. After the public
// description of the simulator in the "Reproducible Machine Learning for Credit Card Fraud Detection" handbook, written anew: customers
// and terminals on a square, each customer with a mean amount and a mean number of payments a day, and three kinds of fraud.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace vigil::demo {

struct Transaction {
  int64_t id = 0;
  TimeUs time = 0;
  int32_t customer = 0;
  int32_t terminal = 0;
  float amount = 0;  // currency units, two decimals
  bool fraud = false;
  uint8_t scenario = 0;  // 0 genuine; 1 large amount; 2 compromised terminal; 3 compromised customer; 4 card testing (after the change)
};

struct SimulatorOptions {
  uint64_t seed = 7;
  TimeUs start = 0;  // midnight of day 0
  int customers = 5000;
  int terminals = 10000;
  double side = 100;                    // of the square
  double radius = 5;                    // a customer uses the terminals this near
  double large_amount = 220;            // scenario 1
  int terminals_compromised_a_day = 2;  // scenario 2, for terminal_days
  int terminal_days = 28;
  int customers_compromised_a_day = 3;  // scenario 3, for customer_days: a third of their payments, amounts times customer_factor
  int customer_days = 14;
  double customer_factor = 5;
  // From this day on (< 0: never) the population and the fraud change: prices rise by amount_factor, compromised terminals are no
  // longer abused, and as much fraud appears as card testing instead: many small payments at night by customers who pay often.
  int change_day = -1;
  double amount_factor = 1.6;
  int testers_a_day = 14;  // customers whose cards are tested, for tester_days
  int tester_days = 7;
};

class Simulator {
 public:
  explicit Simulator(const SimulatorOptions& options);
  // The transactions of the next day, in time order. Days follow one another from 0.
  std::vector<Transaction> NextDay();
  int next_day() const { return day_; }

 private:
  struct Customer {
    double x, y, mean_amount, sd_amount, daily_mean;
    std::vector<int32_t> terminals;
    int compromised_until = -1;
    int tested_until = -1;
  };
  void Place();
  void Compromise();
  void Pay(int32_t customer, std::vector<Transaction>* day);
  void TestCard(int32_t customer, std::vector<Transaction>* day);
  bool changed() const { return options_.change_day >= 0 && day_ >= options_.change_day; }
  int Poisson(double mean);

  const SimulatorOptions options_;
  Random random_;
  std::vector<Customer> customers_;
  std::vector<int> terminal_compromised_until_;
  int64_t next_id_ = 1;
  int day_ = 0;
};

}  // namespace vigil::demo
