// Enrolment codes (protocol 11.2).
#include "edge/keys/enrolment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace holdfast::keys {
namespace {

TEST(Enrolment, TheCodeIsKnownHoweverItIsTyped) {
  const NewEnrolment made = make_enrolment(SiteName("store-07"), 2, 3);
  ASSERT_EQ(made.codes.size(), 3u);
  EXPECT_EQ(made.codes[0].size(), 19u);  // 16 characters of 5 bits: 80 bits
  EXPECT_EQ(std::set(made.codes.begin(), made.codes.end()).size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    std::string typed = made.codes[i];
    EXPECT_EQ(check_enrolment_code(made.file, typed), i + 1);
    std::erase(typed, '-');
    for (char& c : typed) {
      c = static_cast<char>(c >= 'A' ? c - 'A' + 'a' : c);
      if (c == '0') c = 'O';
      if (c == '1') c = 'l';
    }
    EXPECT_EQ(check_enrolment_code(made.file, " " + typed + " "), i + 1);
  }
}

TEST(Enrolment, OtherCodesAreNot) {
  const NewEnrolment made = make_enrolment(SiteName("store-07"), 2);
  std::string wrong = made.codes[0];
  wrong[3] = wrong[3] == 'A' ? 'B' : 'A';
  for (const std::string& code : {wrong, std::string(), made.codes[0] + "A", made.codes[0].substr(1),
                                  std::string(1000, 'A'), make_enrolment(SiteName("store-07"), 2).codes[0]})
    EXPECT_FALSE(check_enrolment_code(made.file, code)) << code;
  Enrolment moved = made.file;
  moved.epoch = 3;
  EXPECT_FALSE(check_enrolment_code(moved, made.codes[0]));
  moved = made.file;
  moved.site = SiteName("store-08");
  EXPECT_FALSE(check_enrolment_code(moved, made.codes[0]));
}

TEST(Enrolment, TheFileIsReadBackAndHoldsNoCode) {
  const NewEnrolment made = make_enrolment(SiteName("store-07"), 2, 2);
  const std::string text = enrolment_text(made.file);
  EXPECT_EQ(*parse_enrolment(text), made.file);
  for (const std::string& code : made.codes) {
    EXPECT_EQ(text.find(code), std::string::npos);
    std::string plain = code;
    std::erase(plain, '-');
    EXPECT_EQ(text.find(plain), std::string::npos);
  }
}

TEST(Enrolment, AFileWithoutTheCodesThatWereUsedIsOne) {
  NewEnrolment made = make_enrolment(SiteName("store-07"), 2, 3);
  made.file.codes.erase(made.file.codes.begin());
  const auto rest = parse_enrolment(enrolment_text(made.file));
  ASSERT_TRUE(rest);
  EXPECT_FALSE(check_enrolment_code(*rest, made.codes[0]));
  EXPECT_EQ(check_enrolment_code(*rest, made.codes[1]), 2u);
  EXPECT_EQ(check_enrolment_code(*rest, made.codes[2]), 3u);
  std::swap(made.file.codes[0], made.file.codes[1]);
  EXPECT_FALSE(parse_enrolment(enrolment_text(made.file)));
  made.file.codes = {made.file.codes[1], made.file.codes[1]};
  EXPECT_FALSE(parse_enrolment(enrolment_text(made.file)));
  for (const unsigned number : {0u, enrolment_codes_max + 1}) {
    made.file.codes.resize(1);
    made.file.codes[0].number = number;
    EXPECT_FALSE(parse_enrolment(enrolment_text(made.file))) << number;
  }
}

TEST(Enrolment, DamagedFilesAreRefused) {
  const std::string text = enrolment_text(make_enrolment(SiteName("store-07"), 2, 2).file);
  for (std::size_t i = 0; i < text.size(); ++i) EXPECT_FALSE(parse_enrolment(text.substr(0, i)) && text[i] != 'c') << i;
  EXPECT_FALSE(parse_enrolment(text + "x"));
  EXPECT_FALSE(parse_enrolment("holdfast enrolment v1\nsite store-07\nepoch 2\n"));
  EXPECT_FALSE(parse_enrolment("holdfast enrolment v1\nsite store-07\nepoch 02\n" + text.substr(text.find("code"))));
}

}  // namespace
}  // namespace holdfast::keys
