// Who is asked for what cannot be read, and what becomes of a holder that lies.
#include "core/sync/mender.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/journal/format.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::sync {
namespace {

const SiteName honest("mirror-1"), liar("mirror-2"), poor("mirror-3");

class MenderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto log = open();
    for (int i = 0; i < 40; ++i) {
      entries_.push_back("entry " + std::to_string(i));
      log->append(as_bytes(entries_.back()));
      ASSERT_TRUE(log->commit().has_value());
    }
    ASSERT_TRUE(log->put_checkpoint(40, journal::signed_note(*log, 40)).has_value());
  }
  std::unique_ptr<journal::Log> open() {
    return std::move(*journal::Log::open(disk_, executor_, journal::test_origin()));
  }
  void rot(std::uint64_t record) {
    disk_.flip_bit(journal::Log::directory(journal::test_origin()) + "/" + journal::segment_name(0),
                   (journal::block_bytes * (1 + record) + 20) * 8);
  }
  // Turns until it is whole, each of `steps` a second apart; every ask is answered at once.
  void run(journal::Log& log, const std::vector<SiteName>& holders, int steps) {
    for (int i = 0; i < steps; ++i) {
      now_ = now_ + seconds(1);
      std::vector<std::pair<SiteName, Missing>> asked;
      ASSERT_TRUE(
          mender_.turn(log, holders, now_, [&](const SiteName& site, const Missing& m) { asked.emplace_back(site, m); })
              .has_value());
      EXPECT_LE(asked.size(), 1u);  // one at a time
      for (const auto& [site, m] : asked) answer(site, m);
      for (MendTold& told : mender_.take_told()) told_.push_back(std::move(told));
    }
  }
  void answer(const SiteName& site, const Missing& m) {
    ++asked_[site];
    Found found{m.origin, m.first, {}};
    if (site != poor)
      for (EntryIndex i = m.first; i < m.end; ++i)
        found.entries.push_back(to_bytes(as_bytes(site == liar ? "a lie of the same journal" : entries_[i])));
    mender_.take(site, std::move(found));
  }
  // A commit of more entries than can be held if each is as large as it may be.
  void lose_many() {
    auto log = open();
    for (int i = 0; i < 4300; ++i) {
      entries_.push_back("entry " + std::to_string(entries_.size()));
      log->append(as_bytes(entries_.back()));
    }
    ASSERT_TRUE(log->commit().has_value());
    entries_.emplace_back("one more");
    log->append(as_bytes(entries_.back()));
    ASSERT_TRUE(log->commit().has_value());
    ASSERT_TRUE(log->put_checkpoint(log->size(), journal::signed_note(*log, log->size())).has_value());
    log.reset();
    disk_.flip_bit(disk_.paths().back(), (journal::block_bytes * 2 + 20) * 8);  // the header of the many
  }
  // Who is not `honest` gives entries as large as they may be, in one answer.
  void run_with_too_much(journal::Log& log, const std::vector<SiteName>& holders, int steps) {
    for (int i = 0; i < steps && log.has_holes(); ++i) {
      now_ = now_ + seconds(1);
      const auto ask = [&](const SiteName& site, const Missing& m) {
        ++asked_[site];
        Found found{m.origin, m.first, {}};
        if (site != honest) found.entries.assign(4100, Bytes(journal::entry_bytes_max));
        for (EntryIndex at = m.first; site == honest && at < m.end; ++at)
          found.entries.push_back(to_bytes(as_bytes(entries_[at])));
        mender_.take(site, std::move(found));
      };
      ASSERT_TRUE(mender_.turn(log, holders, now_, ask).has_value());
      for (MendTold& told : mender_.take_told()) told_.push_back(std::move(told));
    }
  }
  std::size_t told(MendTold::What what) const {
    return static_cast<std::size_t>(std::ranges::count(told_, what, &MendTold::what));
  }

  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  std::vector<std::string> entries_;
  Mender mender_;
  std::vector<MendTold> told_;
  std::map<SiteName, int> asked_;
  Instant now_{1'000'000'000};
};

TEST_F(MenderTest, a_liar_gives_nothing_and_is_not_asked_again) {
  rot(5);
  rot(20);
  auto log = open();
  run(*log, {liar, poor, honest}, 20);
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(*journal::content(*log), entries_);
  EXPECT_EQ(asked_[liar], 2);  // both holes of one try, and never again
  EXPECT_EQ(told(MendTold::What::lied), 1u);
  EXPECT_EQ(told(MendTold::What::mended), 2u);
}

TEST_F(MenderTest, with_liars_alone_the_hole_stays_a_hole) {
  rot(5);
  auto log = open();
  run(*log, {liar}, 20);
  EXPECT_EQ(log->holes(), (std::vector<journal::Hole>{{5, 6}}));
  EXPECT_EQ(asked_[liar], 1);
}

TEST_F(MenderTest, a_silent_holder_is_given_two_seconds) {
  rot(5);
  auto log = open();
  std::vector<SiteName> asked;
  for (int i = 0; i < 60; ++i) {
    now_ = now_ + milliseconds(100);
    ASSERT_TRUE(mender_
                    .turn(*log, std::vector<SiteName>{honest, poor}, now_,
                          [&](const SiteName& site, const Missing&) { asked.push_back(site); })
                    .has_value());
  }
  EXPECT_EQ(asked, (std::vector<SiteName>{honest, poor, poor}));  // each try begins with another one
}

// Each answer comes after five seconds, to the first ask for it or to the next.
TEST_F(MenderTest, a_slow_line_is_no_silent_holder) {
  for (const std::uint64_t record : {5u, 6u, 7u, 8u}) rot(record);
  auto log = open();
  std::vector<std::pair<Instant, Found>> on_their_way;
  Instant line_is_free;
  const auto ask = [&](const SiteName&, const Missing& m) {
    Found found{m.origin, m.first, {}};
    while (found.entries.size() < 40'000 && m.first + found.entries.size() < m.end)
      found.entries.push_back(to_bytes(as_bytes(entries_[m.first + found.entries.size()])));
    found.entries.resize(std::min<std::size_t>(found.entries.size(), 2));  // as if two filled a message
    line_is_free = std::max(line_is_free, now_) + seconds(5);
    on_their_way.emplace_back(line_is_free, std::move(found));
  };
  for (int i = 0; i < 1200 && log->has_holes(); ++i) {
    now_ = now_ + milliseconds(100);
    while (!on_their_way.empty() && on_their_way.front().first <= now_) {
      mender_.take(honest, std::move(on_their_way.front().second));
      on_their_way.erase(on_their_way.begin());
    }
    ASSERT_TRUE(mender_.turn(*log, std::vector<SiteName>{honest}, now_, ask).has_value());
  }
  EXPECT_FALSE(log->has_holes());
}

// One copy lacks what another has: the rest is asked of the next one, and all of it is proven together.
TEST_F(MenderTest, what_one_copy_lacks_another_gives) {
  for (const std::uint64_t record : {5u, 6u, 7u, 8u}) rot(record);
  auto log = open();
  ASSERT_EQ(log->wanted(), (std::vector<journal::Hole>{{5, 9}}));
  const auto ask = [&](const SiteName& site, const Missing& m) {
    ++asked_[site];
    Found found{m.origin, m.first, {}};
    const EntryIndex end = site == poor ? 7 : m.end;  // poor has 5 and 6, honest has 7 and 8
    if (site == poor || m.first >= 7)
      for (EntryIndex i = m.first; i < end; ++i) found.entries.push_back(to_bytes(as_bytes(entries_[i])));
    mender_.take(site, std::move(found));
  };
  for (int i = 0; i < 40 && log->has_holes(); ++i) {
    now_ = now_ + seconds(1);
    ASSERT_TRUE(mender_.turn(*log, std::vector<SiteName>{honest, poor}, now_, ask).has_value());
  }
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(*journal::content(*log), entries_);
}

TEST_F(MenderTest, of_two_givers_nobody_is_called_a_liar_and_a_better_pair_is_found) {
  for (const std::uint64_t record : {5u, 6u, 7u, 8u}) rot(record);
  auto log = open();
  const auto ask = [&](const SiteName& site, const Missing& m) {
    Found found{m.origin, m.first, {}};
    const EntryIndex end = site == poor ? 7 : m.end;
    const bool gives = site == poor ? m.first < 7 : m.first >= 7;  // the liar lies only where he is not alone
    if (gives)
      for (EntryIndex i = m.first; i < end; ++i)
        found.entries.push_back(to_bytes(as_bytes(site == liar ? "a lie" : entries_[i])));
    mender_.take(site, std::move(found));
  };
  for (int i = 0; i < 200 && log->has_holes(); ++i) {
    now_ = now_ + seconds(1);
    ASSERT_TRUE(mender_.turn(*log, std::vector<SiteName>{poor, liar, honest}, now_, ask).has_value());
    for (MendTold& told : mender_.take_told()) told_.push_back(std::move(told));
  }
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(told(MendTold::What::lied), 0u);
}

TEST_F(MenderTest, who_gives_more_than_can_be_held_does_not_end_it_for_who_has_what_was_there) {
  lose_many();
  auto log = open();
  ASSERT_EQ(log->wanted(), (std::vector<journal::Hole>{{40, 4340}}));
  run_with_too_much(*log, {liar, honest}, 10);
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(*journal::content(*log), entries_);
  EXPECT_EQ(asked_[liar], 1);
  EXPECT_EQ(told(MendTold::What::unprovable), 0u);
  EXPECT_EQ(told(MendTold::What::mended), 1u);
  EXPECT_EQ(told(MendTold::What::lied), 1u) << "what was there is less";
}

// It may be so much: so nobody is called a liar, it is told once, and whoever is linked later is asked, too.
TEST_F(MenderTest, where_all_give_more_than_can_be_held_it_is_told_and_the_next_who_comes_is_asked) {
  lose_many();
  auto log = open();
  run_with_too_much(*log, {liar, poor}, 20);
  EXPECT_TRUE(log->has_holes());
  EXPECT_EQ(asked_[liar], 1);
  EXPECT_EQ(asked_[poor], 1);
  EXPECT_EQ(told(MendTold::What::lied), 0u);
  EXPECT_EQ(told(MendTold::What::unprovable), 1u);
  run_with_too_much(*log, {liar, poor, honest}, 10);
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(told(MendTold::What::lied), 2u);
}

TEST_F(MenderTest, who_gives_one_entry_at_a_time_is_not_waited_for) {
  for (const std::uint64_t record : {5u, 6u, 7u, 8u, 9u, 10u}) rot(record);
  auto log = open();
  int asked = 0;
  const auto ask = [&](const SiteName& site, const Missing& m) {
    ++asked;
    const EntryIndex end = site == poor ? m.first + 1 : m.end;
    Found found{m.origin, m.first, {}};
    for (EntryIndex i = m.first; i < end; ++i) found.entries.push_back(to_bytes(as_bytes(entries_[i])));
    mender_.take(site, std::move(found));
  };
  for (int i = 0; i < 10 && log->has_holes(); ++i) {
    now_ = now_ + milliseconds(1);
    ASSERT_TRUE(mender_.turn(*log, std::vector<SiteName>{poor, honest}, now_, ask).has_value());
  }
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(asked, 2);
}

TEST_F(MenderTest, it_is_told_once_what_was_found_and_when_all_is_whole) {
  rot(5);
  auto log = open();
  run(*log, {honest}, 20);
  EXPECT_EQ(told(MendTold::What::found), 1u);
  EXPECT_EQ(told(MendTold::What::mended), 1u);
  EXPECT_EQ(told(MendTold::What::whole), 1u);
  EXPECT_EQ(told(MendTold::What::unprovable), 0u);
}

TEST_F(MenderTest, what_nothing_signed_reaches_is_told_once_and_nobody_is_asked) {
  auto log = open();
  for (const char* e : {"x", "y"}) {
    log->append(as_bytes(e));
    ASSERT_TRUE(log->commit().has_value());
  }
  log.reset();
  disk_.flip_bit(disk_.paths().back(), (journal::block_bytes * 2 + 20) * 8);  // the header of "x"
  log = open();
  run(*log, {honest}, 20);
  EXPECT_EQ(log->holes(), (std::vector<journal::Hole>{{40, 41}}));
  EXPECT_EQ(asked_[honest], 0);
  EXPECT_EQ(told(MendTold::What::unprovable), 1u);
}

TEST_F(MenderTest, an_answer_that_nobody_asked_for_is_nothing) {
  rot(5);
  auto log = open();
  mender_.take(honest, {journal::test_origin(), 5, {to_bytes(as_bytes(entries_[5]))}});
  run(*log, {}, 3);
  EXPECT_TRUE(log->has_holes());
}

TEST(MendMessages, come_back_as_they_were_and_what_ends_before_it_begins_is_refused) {
  const Origin origin = journal::test_origin();
  const auto missing = decode(encode(Missing{origin, 7, 12}));
  ASSERT_TRUE(missing.has_value());
  EXPECT_EQ(std::get<Missing>(*missing).origin, origin);
  EXPECT_EQ(std::get<Missing>(*missing).first, 7u);
  EXPECT_EQ(std::get<Missing>(*missing).end, 12u);
  const auto found = decode(encode(Found{origin, 7, {to_bytes(as_bytes("a")), Bytes()}}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(std::get<Found>(*found).entries, (std::vector<Bytes>{to_bytes(as_bytes("a")), Bytes()}));
  EXPECT_EQ(decode(encode(Missing{origin, 12, 7})).error().code, "sync/bad_message");
}

TEST_F(MenderTest, what_is_found_is_bounded_and_stops_at_the_first_that_cannot_be_read) {
  auto log = open();
  EXPECT_EQ(found_in(log.get(), {journal::test_origin(), 3, 7}, UINT64_MAX).entries.size(), 4u);
  EXPECT_EQ(found_in(log.get(), {journal::test_origin(), 3, UINT64_MAX}, 5).entries.size(), 2u);
  EXPECT_EQ(found_in(log.get(), {journal::test_origin(), 50, 60}, UINT64_MAX).entries.size(), 0u);
  EXPECT_EQ(found_in(nullptr, {journal::test_origin(), 3, 7}, UINT64_MAX).entries.size(), 0u);
  rot(5);
  EXPECT_EQ(found_in(open().get(), {journal::test_origin(), 3, 7}, UINT64_MAX).entries.size(), 2u);
}

}  // namespace
}  // namespace holdfast::sync
