#include "storage/tables.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/random.h"
#include "base/testing/paths.h"
#include "base/text.h"

namespace vigil {
namespace {

using testing::SharedPath;
using testing::TempDir;

struct Table {
  std::vector<TableColumn> columns;
  TableChunk all;
};

StatusOr<Table> ReadWhole(const std::vector<std::string>& paths, const std::string& format = "") {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenTable(paths, format));
  Table table{reader->columns(), {}};
  table.all.columns.resize(table.columns.size());
  TableChunk chunk;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) return table;
    table.all.rows += chunk.rows;
    for (size_t i = 0; i < chunk.columns.size(); ++i) {
      const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
      append(table.all.columns[i].ints, chunk.columns[i].ints);
      append(table.all.columns[i].doubles, chunk.columns[i].doubles);
      append(table.all.columns[i].strings, chunk.columns[i].strings);
      append(table.all.columns[i].valid, chunk.columns[i].valid);
    }
  }
}

std::string Text(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

// Five types, missing cells, and every awkward value.
std::vector<TableColumn> MixedColumns() {
  return {{"flag", TableType::kBool},
          {"n", TableType::kInt64},
          {"x", TableType::kFloat64},
          {"it's \"odd\", ok", TableType::kString},
          {"when", TableType::kTime}};
}
TableChunk MixedChunk() {
  TableChunk chunk;
  chunk.rows = 4;
  chunk.columns.resize(5);
  chunk.columns[0].ints = {1, 0, 0, 1};
  chunk.columns[1].ints = {INT64_MIN + 1, 0, 9007199254740993, -5};
  chunk.columns[2].doubles = {0.1, -0.0, 5e-324, 1.7976931348623157e308};
  chunk.columns[3].strings = {"plain", "a,\"b\"\nc", "", "\xC3\xA9 spaced "};
  chunk.columns[4].ints = {1531612800000000, 1, -1, 0};
  for (auto& column : chunk.columns) column.valid = {1, 1, 0, 1};
  chunk.columns[2].valid = {1, 1, 1, 1};
  return chunk;
}

TEST(Tables, EveryFormatReadsBackWhatWasWritten) {
  TempDir directory;
  for (const char* name : {"t.csv", "t.parquet", "t.ndjson", "t.jsonl"}) {
    const std::string path = directory.file(name);
    const auto writer = CreateTable(path, MixedColumns()).value();
    const TableChunk chunk = MixedChunk();
    ASSERT_TRUE(writer->Write(chunk).ok()) << name;
    EXPECT_FALSE(std::filesystem::exists(path)) << name << " appears only when finished";
    ASSERT_TRUE(writer->Finish().ok()) << name;
    EXPECT_FALSE(writer->Finish().ok());
    const bool json = std::string(name).find("json") != std::string::npos;  // where times are texts
    const auto table = ReadWhole({path});
    ASSERT_TRUE(table.ok()) << name << ": " << table.status();
    ASSERT_EQ(table->all.rows, 4u) << name;
    for (size_t c = 0; c < 5; ++c) {
      EXPECT_EQ(table->columns[c].name, MixedColumns()[c].name) << name;
      EXPECT_EQ(table->columns[c].type, c == 4 && json ? TableType::kString : MixedColumns()[c].type) << name << " column " << c;
      EXPECT_EQ(table->all.columns[c].valid, chunk.columns[c].valid) << name << " column " << c;
    }
    for (size_t r : {0u, 1u, 3u}) {
      EXPECT_EQ(table->all.columns[0].ints[r], chunk.columns[0].ints[r]) << name;
      EXPECT_EQ(table->all.columns[1].ints[r], chunk.columns[1].ints[r]) << name;
      EXPECT_EQ(table->all.columns[3].strings[r], chunk.columns[3].strings[r]) << name;
      if (json) {
        EXPECT_EQ(ParseTime(table->all.columns[4].strings[r]).value(), chunk.columns[4].ints[r]) << name;
      } else {
        EXPECT_EQ(table->all.columns[4].ints[r], chunk.columns[4].ints[r]) << name;
      }
    }
    for (size_t r = 0; r < 4; ++r) EXPECT_EQ(table->all.columns[2].doubles[r], chunk.columns[2].doubles[r]) << name << " row " << r;
    EXPECT_TRUE(std::signbit(table->all.columns[2].doubles[1])) << name;
  }
}

TEST(Tables, NumbersThatAreNotFiniteAreWords) {
  TempDir directory;
  TableChunk chunk;
  chunk.rows = 4;
  chunk.columns.resize(1);
  chunk.columns[0].doubles = {NAN, INFINITY, -INFINITY, 2.5};
  chunk.columns[0].valid = {1, 1, 1, 1};
  for (const char* name : {"t.csv", "t.parquet", "t.ndjson"}) {
    const auto writer = CreateTable(directory.file(name), {{"x"}}).value();
    ASSERT_TRUE(writer->Write(chunk).ok());
    ASSERT_TRUE(writer->Finish().ok());
    const Table table = ReadWhole({directory.file(name)}).value();
    EXPECT_TRUE(std::isnan(table.all.Number(0, 0, table.columns))) << name;
    EXPECT_EQ(table.all.Number(0, 1, table.columns), INFINITY) << name;
    EXPECT_EQ(table.all.Number(0, 2, table.columns), -INFINITY) << name;
    EXPECT_EQ(table.all.Number(0, 3, table.columns), 2.5) << name;
  }
  EXPECT_EQ(Text(directory.file("t.csv")), "x\nnan\ninf\n-inf\n2.5\n");
  EXPECT_EQ(Text(directory.file("t.ndjson")), "{\"x\":\"nan\"}\n{\"x\":\"inf\"}\n{\"x\":\"-inf\"}\n{\"x\":2.5}\n");
}

TEST(Tables, SingleFloatsAreWrittenInTheirOwnShortestForm) {
  TempDir directory;
  TableChunk chunk;
  chunk.rows = 1;
  chunk.columns.resize(1);
  chunk.columns[0].doubles = {static_cast<double>(0.1f)};
  chunk.columns[0].valid = {1};
  for (const char* name : {"t.csv", "t.parquet"}) {
    const auto writer = CreateTable(directory.file(name), {{"x", TableType::kFloat64, true}}).value();
    ASSERT_TRUE(writer->Write(chunk).ok());
    ASSERT_TRUE(writer->Finish().ok());
  }
  EXPECT_EQ(Text(directory.file("t.csv")), "x\n0.1\n");
  EXPECT_EQ(ReadWhole({directory.file("t.parquet")}).value().all.columns[0].doubles[0], static_cast<double>(0.1f));
}

TEST(Tables, RandomDoublesSurviveCsvBitForBit) {
  TempDir directory;
  Random random(7);
  TableChunk chunk;
  chunk.rows = 5000;
  chunk.columns.resize(1);
  for (size_t i = 0; i < chunk.rows; ++i) {
    double value;
    do {
      const uint64_t bits = random();
      std::memcpy(&value, &bits, sizeof(value));
    } while (!std::isfinite(value));
    chunk.columns[0].doubles.push_back(value);
    chunk.columns[0].valid.push_back(1);
  }
  const auto writer = CreateTable(directory.file("t.csv"), {{"x"}}).value();
  ASSERT_TRUE(writer->Write(chunk).ok());
  ASSERT_TRUE(writer->Finish().ok());
  const Table table = ReadWhole({directory.file("t.csv")}).value();
  EXPECT_EQ(table.all.columns[0].doubles, chunk.columns[0].doubles);
}

TEST(Tables, CsvTypesComeFromEveryRow) {
  TempDir directory;
  std::ofstream out(directory.file("t.csv"));
  out << "late_float,late_text,empty,quoted\n";
  for (int i = 0; i < 30000; ++i) out << i << ',' << i << ",,\"" << i << "\"\n";
  out << "0.5,abc,,\"\"\n";
  out.close();
  const Table table = ReadWhole({directory.file("t.csv")}).value();
  ASSERT_EQ(table.all.rows, 30001u);
  EXPECT_EQ(table.columns[0].type, TableType::kFloat64);
  EXPECT_EQ(table.all.columns[0].doubles[29999], 29999);
  EXPECT_EQ(table.all.columns[0].doubles[30000], 0.5);
  EXPECT_EQ(table.columns[1].type, TableType::kString);
  EXPECT_EQ(table.all.columns[1].strings[30000], "abc");
  EXPECT_TRUE(std::isnan(table.all.Number(2, 5, table.columns)));
  EXPECT_EQ(table.all.Number(1, 7, table.columns), 7) << "a text that is a number is one";
}

TEST(Tables, SeveralFilesAndGlobsReadAsOneAndOddNamesAreLiteral) {
  TempDir directory;
  std::ofstream(directory.file("a.csv")) << "x\n1\n2\n";
  std::ofstream(directory.file("b.csv")) << "x\n3\n";
  std::ofstream(directory.file("it's [1]*.csv")) << "x\n9\n";
  EXPECT_EQ(ReadWhole({directory.file("a.csv"), directory.file("b.csv")}).value().all.columns[0].ints, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(ReadWhole({directory.file("?.csv")}).value().all.rows, 3u);
  EXPECT_EQ(ReadWhole({directory.file("it's [1]*.csv")}).value().all.columns[0].ints, (std::vector<int64_t>{9}));
  std::filesystem::rename(directory.file("a.csv"), directory.file("a.txt"));
  EXPECT_EQ(ReadWhole({directory.file("a.txt")}, "csv").value().all.rows, 2u);
}

TEST(Tables, FailuresSayWhatIsWrong) {
  TempDir directory;
  const auto expect = [&](const std::vector<std::string>& paths, absl::StatusCode code, const std::string& words) {
    const Status status = ReadWhole(paths).status();
    EXPECT_EQ(status.code(), code) << words << ": " << status;
    EXPECT_NE(std::string(status.message()).find(words), std::string::npos) << words << ": " << status;
  };
  expect({directory.file("none.csv")}, absl::StatusCode::kNotFound, "none.csv");
  expect({directory.file("none-*.parquet")}, absl::StatusCode::kNotFound, "none-*.parquet");
  expect({directory.file("what.xlsx")}, absl::StatusCode::kInvalidArgument, ".parquet");
  expect({}, absl::StatusCode::kInvalidArgument, "no file");
  std::ofstream(directory.file("bad.parquet")) << "this is no parquet file";
  expect({directory.file("bad.parquet")}, absl::StatusCode::kInvalidArgument, "bad.parquet");
  std::ofstream(directory.file("ragged.csv")) << "a,b\n1,2\n3,4,5,6\n";
  expect({directory.file("ragged.csv")}, absl::StatusCode::kInvalidArgument, "ragged.csv");
  std::ofstream(directory.file("bad.ndjson")) << "{\"a\":1}\n{\"a\":\n";
  expect({directory.file("bad.ndjson")}, absl::StatusCode::kInvalidArgument, "bad.ndjson");
  expect({directory.path() + "/x.csv", directory.path() + "/x.parquet"}, absl::StatusCode::kNotFound, "x.csv");
  EXPECT_TRUE(absl::IsNotFound(CreateTable(directory.file("no/dir/t.parquet"), {{"x"}}).status()));
  EXPECT_TRUE(absl::IsNotFound(CreateTable(directory.file("no/dir/t.csv"), {{"x"}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(CreateTable(directory.file("t.csv"), {}).status()));
  const auto writer = CreateTable(directory.file("t.csv"), {{"x"}}).value();
  TableChunk wrong;
  wrong.rows = 2;
  wrong.columns.resize(1);
  wrong.columns[0].ints = {1, 2};
  wrong.columns[0].valid = {1, 1};
  EXPECT_TRUE(absl::IsInvalidArgument(writer->Write(wrong)));
}

TEST(Tables, AnUnfinishedTableLeavesNothing) {
  TempDir directory;
  for (const char* name : {"t.csv", "t.parquet"}) {
    const auto writer = CreateTable(directory.file(name), MixedColumns()).value();
    ASSERT_TRUE(writer->Write(MixedChunk()).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Tables, PartitionsAreHives) {
  TempDir directory;
  TableChunk chunk;
  chunk.rows = 5000;
  chunk.columns.resize(2);
  for (int64_t i = 0; i < 5000; ++i) {
    chunk.columns[0].strings.push_back(i % 2 == 0 ? "even" : "odd/er");
    chunk.columns[1].ints.push_back(i);
  }
  for (auto& column : chunk.columns) column.valid.assign(5000, 1);
  const std::vector<TableColumn> columns = {{"kind", TableType::kString}, {"n", TableType::kInt64}};
  const auto writer = CreateTable(directory.file("hive"), columns, {"kind"}).value();
  ASSERT_TRUE(writer->Write(chunk).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(std::filesystem::is_directory(directory.file("hive") + "/kind=even"));
  const Table table = ReadWhole({directory.file("hive") + "/*/*.parquet"}).value();
  EXPECT_EQ(table.all.rows, 5000u);
  EXPECT_EQ(table.columns.size(), 2u);
  EXPECT_TRUE(absl::IsAlreadyExists(CreateTable(directory.file("hive"), columns, {"kind"}).status()));
}

TEST(Tables, SqlOverFiles) {
  TempDir directory;
  std::ofstream(directory.file("a.csv")) << "k,x\na,1\nb,2.5\na,3\n";
  std::vector<std::string> lines;
  const auto collect = [&](std::string_view line) {
    lines.emplace_back(line);
    return absl::OkStatus();
  };
  ASSERT_TRUE(QueryTables("SELECT k, sum(x) AS s, count(*) AS n FROM \"my log\" GROUP BY k ORDER BY k; ",
                          {{"my log", {directory.file("a.csv")}}}, collect)
                  .ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"k\":\"a\",\"s\":4,\"n\":2}", "{\"k\":\"b\",\"s\":2.5,\"n\":1}"}));
  const Status wrong = QueryTables("SELECT nothing FROM log", {{"log", {directory.file("a.csv")}}}, collect);
  EXPECT_TRUE(absl::IsInvalidArgument(wrong)) << wrong;
  EXPECT_NE(std::string(wrong.message()).find("nothing"), std::string::npos);
  EXPECT_TRUE(absl::IsCancelled(QueryTables("SELECT 1 -- comment", {}, [](std::string_view) { return absl::CancelledError("enough"); })));
  EXPECT_FALSE(QueryTables("SELECT 1; DROP TABLE x", {}, collect).ok());
}

TEST(Tables, SharedTransactionsReadInBoundedChunks) {
  const auto path = SharedPath("data/fraud/tx-2018-04.parquet");
  if (!path.has_value()) GTEST_SKIP() << "shared/data/fraud is not here";
  const auto reader = OpenTable({*path}).value();
  TableChunk chunk;
  size_t rows = 0;
  for (StatusOr<bool> more = reader->Next(&chunk);; more = reader->Next(&chunk)) {
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) break;
    EXPECT_LE(chunk.rows, 2048u);
    rows += chunk.rows;
  }
  EXPECT_GT(rows, 100'000u);
}

TEST(Tables, FixtureInputsAreReadToTheExactFloat) {
  const auto path = SharedPath("fixtures/models/xgboost_fraud/inputs.csv");
  if (!path.has_value()) GTEST_SKIP() << "shared/fixtures is not here";
  const Table table = ReadWhole({*path}).value();
  EXPECT_EQ(table.all.rows, 64u);
  std::istringstream lines(Text(*path));
  std::string line, cell;
  std::getline(lines, line);
  for (size_t row = 0; std::getline(lines, line); ++row) {
    std::istringstream cells(line);
    for (size_t column = 0; std::getline(cells, cell, ','); ++column) {
      const double got = table.all.Number(column, row, table.columns);
      if (cell.empty()) {
        EXPECT_TRUE(std::isnan(got));
      } else {
        EXPECT_EQ(got, std::strtod(cell.c_str(), nullptr)) << "row " << row << " column " << column;
      }
    }
  }
}

}  // namespace
}  // namespace vigil
