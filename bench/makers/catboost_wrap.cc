// What `save_model(format="cpp")` exports, behind a C function: margins of n rows, one call of the exported function each, as its
// documentation has it.
#include EXPORTED

extern "C" void catboost_margins(const float* rows, int n, int columns, double* margins) {
  thread_local std::vector<float> row;
  for (int r = 0; r < n; ++r) {
    row.assign(rows + static_cast<long>(r) * columns, rows + static_cast<long>(r + 1) * columns);
    margins[r] = ApplyCatboostModel(row);
  }
}
