#include "app/engine_file.h"

#include <gtest/gtest.h>

#include "base/testing/paths.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

TEST(EngineFileTest, WritesAtMostOnceASecondAndLosesNothingAtTheEnd) {
  testing::TempDir dir;
  FakeClock clock(1'000'000'000);
  const std::string path = dir.file("engines");
  const auto knows = [&](const std::string& digest) { return EngineFile(path, clock).records().Find(digest).has_value(); };
  {
    EngineFile file(path, clock);
    ASSERT_TRUE(file.records().Keep("a1", {"rank-nodes", "quick"}).ok());
    EXPECT_TRUE(knows("a1")) << "the first at once";
    ASSERT_TRUE(file.records().Keep("b2", {"rank-nodes", "quick"}).ok());
    EXPECT_FALSE(knows("b2"));
    clock.Advance(kSecondUs);
    ASSERT_TRUE(file.records().Keep("c3", {"rank-nodes", "quick"}).ok());
    EXPECT_TRUE(knows("b2") && knows("c3"));
    ASSERT_TRUE(file.records().Keep("d4", {"rank-nodes", "quick"}).ok());
    EXPECT_FALSE(knows("d4"));
    ASSERT_TRUE(file.Flush().ok());
    EXPECT_TRUE(knows("d4"));
    ASSERT_TRUE(file.records().Keep("e5", {"rank-nodes", "quick"}).ok());
  }
  EXPECT_TRUE(knows("e5"));
}

}  // namespace
}  // namespace vigil
