#include <sqlite3.h>

#include <fstream>

#include "base/testing/paths.h"
#include "storage/testing/catalog_conformance.h"
#include "storage/testing/fake_catalog.h"

namespace vigil {
namespace {

using testing::CatalogConformance;
using testing::FakeCatalog;
using testing::TempDir;

std::unique_ptr<Catalog> FreshSqlite() {
  static TempDir directory;
  static int number = 0;
  return OpenSqliteCatalog(directory.file("catalog-" + std::to_string(++number) + ".db")).value();
}
INSTANTIATE_TEST_SUITE_P(Fake, CatalogConformance, ::testing::Values([] { return std::make_unique<FakeCatalog>(); }));
INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogConformance, ::testing::Values(FreshSqlite));

TEST(SqliteCatalog, KeepsEverythingOverAReopen) {
  TempDir directory;
  const std::string path = directory.file("catalog.db");
  TimelineEvent event;
  event.model = "fraud";
  ASSERT_TRUE(OpenSqliteCatalog(path).value()->Apply({{"role", "k", "v", 0}}, {event}).ok());
  const auto catalog = OpenSqliteCatalog(path).value();
  EXPECT_EQ(catalog->Get("role", "k").value().value, "v");
  EXPECT_EQ(catalog->Timeline("fraud", 0, 5).value().size(), 1u);
}

TEST(SqliteCatalog, TwoConnectionsSeeEachOther) {
  TempDir directory;
  const auto one = OpenSqliteCatalog(directory.file("c.db")).value(), two = OpenSqliteCatalog(directory.file("c.db")).value();
  ASSERT_TRUE(one->Apply({{"role", "k", "1", 0}}).ok());
  ASSERT_TRUE(two->Apply({{"role", "k", "2", 1}}).ok());
  EXPECT_TRUE(absl::IsAborted(one->Apply({{"role", "k", "3", 1}}).status()));
  EXPECT_EQ(one->Get("role", "k").value().value, "2");
}

TEST(SqliteCatalog, RefusesAFileThatANewerVigilWrote) {
  TempDir directory;
  const std::string path = directory.file("catalog.db");
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=99; CREATE TABLE future (x);", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  const Status status = OpenSqliteCatalog(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(std::string(status.message()).find("version 99"), std::string::npos) << status;
}

TEST(SqliteCatalog, NamesAFileThatIsNoDatabase) {
  TempDir directory;
  std::ofstream(directory.file("c.db")) << std::string(4096, 'x');
  EXPECT_TRUE(absl::IsDataLoss(OpenSqliteCatalog(directory.file("c.db")).status()));
  EXPECT_FALSE(OpenSqliteCatalog(directory.file("no/such/directory/c.db")).ok());
}

TEST(FakeCatalog, FailsWhenToldAndRecovers) {
  FakeCatalog catalog;
  catalog.FailWith(absl::UnavailableError("disk"));
  EXPECT_TRUE(absl::IsUnavailable(catalog.Apply({{"role", "k", "v", 0}}, {}).status()));
  EXPECT_TRUE(absl::IsUnavailable(catalog.Get("role", "k").status()));
  catalog.FailWith(absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(catalog.Get("role", "k").status())) << "the failed write left nothing";
  catalog.BeforeNextApply([&] { ASSERT_TRUE(catalog.Apply({{"role", "k", "other", 0}}, {}).ok()); });
  EXPECT_TRUE(absl::IsAborted(catalog.Apply({{"role", "k", "mine", 0}}, {}).status()));
}

}  // namespace
}  // namespace vigil
