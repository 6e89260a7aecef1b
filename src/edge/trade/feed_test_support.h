// For tests: a folder of exports, a data directory, and a node that takes what a feed says.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "edge/posix/scratch_directory.h"
#include "edge/trade/fake_node.h"
#include "edge/trade/feed_folder.h"

namespace holdfast::trade {

class Feed : public testing::Test {
 protected:
  edge::ScratchDirectory exports, data;
  FakeNode node;
  std::vector<FileState> told;
  std::unique_ptr<FeedFolder> folder;
  FeedLimits limits;
  int read_again_seconds = 300;

  // Another date each time, as exports of another night have.
  void put(const std::string& name, const std::string& text) {
    std::ofstream(exports.path() + "/" + name, std::ios::binary) << text;
    const timespec at{1'700'000'000 + ++nights_, 0};
    const timespec times[2] = {at, at};
    ::utimensat(AT_FDCWD, (exports.path() + "/" + name).c_str(), times, 0);
  }
  void map(const std::string& toml) { std::ofstream(data.path() + "/feed.toml") << toml; }
  std::vector<FileState> pass(int settle_seconds = 0) {
    if (!folder) {
      auto opened = FeedFolder::open({exports.path(), data.path(), "", settle_seconds, limits, read_again_seconds});
      EXPECT_TRUE(opened) << opened.error().text;
      folder = std::move(*opened);
    }
    auto states = folder->pass(node, [this](const FileState& state) { told.push_back(state); });
    EXPECT_TRUE(states) << states.error().text;
    return states.value_or(std::vector<FileState>());
  }
  FileState one(int settle_seconds = 0) {
    const auto states = pass(settle_seconds);
    EXPECT_EQ(states.size(), 1u);
    return states.empty() ? FileState{} : states[0];
  }
  std::string refused(const std::string& name) {
    std::ifstream file(exports.path() + "/" + name + ".refused.csv");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // "SKU price vat" of each product of a write that the node took.
  std::vector<std::string> products_of(std::size_t event) const {
    std::vector<std::string> out;
    if (event >= node.events.size() || !node.events[event].body.contains("products")) return out;
    for (const auto& each : node.events[event].body.at("products").as_array()) {
      const auto of = [&](const char* field) { return std::string(each.as_object().at(field).as_string()); };
      out.push_back(of("sku") + " " + of("unit_price") + " " + of("vat"));
    }
    return out;
  }
  void head_office() {
    node.self.site = "head-office";
    node.self.kind = "head-office";
  }
  static std::string catalogue(int from, int to, const std::string& price = "1.00") {
    std::string text = "sku,gtin,name,unit_price,vat,goods\n";
    for (int i = from; i < to; ++i)
      text += "P" + std::to_string(1000 + i) + ",,Product " + std::to_string(i) + "," + price + ",S,true\n";
    return text;
  }

 private:
  int nights_ = 0;
};

}  // namespace holdfast::trade
