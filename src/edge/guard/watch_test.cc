// The guard before a node: the helper, sensors that write without pause, and who is let in during a seal.
#include "edge/guard/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include "edge/guard/guard_test_support.h"
#include "edge/http/fake_node.h"
#include "edge/people/fake_world.h"
#include "edge/posix/posix_world.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::guard {
namespace {

using ::testing::HasSubstr;

sockaddr_un local_address(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), std::min(path.size(), sizeof at.sun_path - 1));
  return at;
}

// A helper that says it is sealed.
class Helper {
 public:
  explicit Helper(const std::string& path) {
    const sockaddr_un at = local_address(path);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(listening_.get(), 4), 0);
  }
  // The next word that it is asked; "" after ten seconds without one.
  std::string answer(const std::string& refusal = {}) const {
    pollfd wait{listening_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 10'000) != 1) return {};
    const edge::Descriptor fd(::accept(listening_.get(), nullptr, nullptr));
    char word[16];
    const ssize_t n = ::recv(fd.get(), word, sizeof word, 0);
    std::string verb(word, n > 0 ? static_cast<std::size_t>(n - 1) : 0);
    const std::string told = !refusal.empty() ? refusal : verb == "unseal" ? "ok open\n" : "ok sealed\n";
    EXPECT_EQ(::send(fd.get(), told.data(), told.size(), 0), static_cast<ssize_t>(told.size()));
    return verb;
  }

 private:
  edge::Descriptor listening_{::socket(AF_UNIX, SOCK_STREAM, 0)};
};

struct Watched : ::testing::Test {
  edge::ScratchDirectory dir;
  edge::PosixClock clock;
  people::CountingEntropy entropy;
  http::FakeNode node;
  std::unique_ptr<http::FakeNodeThread> thread = std::make_unique<http::FakeNodeThread>(node);
  std::unique_ptr<Watch> watch;

  void open(Config config, AskAttached attached = attached_networks, LineFile::Open open_file = LineFile::open_to_read,
            Canaries::Look look_at_canary = look_at) {
    Watch::Parts parts{.data = dir.path(),
                       .config = std::move(config),
                       .access = *thread,
                       .clock = clock,
                       .entropy = entropy,
                       .log = *serve::Log::open(dir.path() + "/log"),
                       .peers = {},
                       .on_tight = {},
                       .attached = std::move(attached),
                       .open_file = std::move(open_file),
                       .look_at_canary = std::move(look_at_canary)};
    watch = std::move(*Watch::open(std::move(parts), node));
    watch->start();
  }
  // With a helper, which has been asked already how it stands.
  Helper open_with_helper() {
    Config config;
    config.sealer = dir.path() + "/helper";
    Helper helper(config.sealer);
    open(config);
    EXPECT_EQ(helper.answer(), "status");
    return helper;
  }
  bool has_heard(const std::string& signature) {
    std::promise<bool> told;
    thread->read(
        [&](const node::Node&) { told.set_value(std::ranges::count(node.alerts, signature, &Alert::signature) > 0); });
    return told.get_future().get();
  }
  std::string log() const {
    std::ifstream in(dir.path() + "/log");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Within ten seconds.
  static bool comes(const std::function<bool()>& what) {
    for (int i = 0; i < 1000 && !what(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return what();
  }
  ~Watched() override {
    watch.reset();
    thread.reset();
  }
};

TEST_F(Watched, a_seal_that_ended_while_no_node_ran_ends_in_the_packet_filter_too) {
  const Helper helper = open_with_helper();
  EXPECT_EQ(helper.answer(), "unseal");
}

TEST_F(Watched, a_helper_that_could_not_is_asked_again_until_it_has) {
  const Helper helper = open_with_helper();
  EXPECT_EQ(helper.answer("no the kernel is busy\n"), "unseal");
  EXPECT_EQ(helper.answer(), "unseal");
  std::string proof;
  for (int i = 0; i < 500 && proof.find("as before the seal") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    proof = watch->proof();
  }
  EXPECT_NE(proof.find("The packet filter is as before the seal."), std::string::npos) << proof;
}

TEST_F(Watched, sensors_without_pause_keep_neither_a_tripwire_nor_the_end_waiting) {
  const std::string canary = dir.path() + "/canary", eve = dir.path() + "/eve.json";
  std::ofstream(canary) << "nobody writes here";
  std::ofstream(eve) << "";
  Config config;
  config.canaries = {canary};
  config.eve_files = {eve};
  config.socket = dir.path() + "/alerts";
  open(config);
  std::atomic<bool> stop = false;
  std::string lines;
  while (lines.size() < 60'000) lines += "x\n";
  std::thread by_datagram([&] {
    const edge::Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM, 0));
    const sockaddr_un at = local_address(config.socket + ".dgram");
    const timeval patience{0, 100'000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (!stop) ::sendto(fd.get(), lines.data(), lines.size(), 0, reinterpret_cast<const sockaddr*>(&at), sizeof at);
  });
  std::thread by_file([&] {
    std::ofstream out(eve, std::ios::app);
    for (int i = 0; i < 5000 && !stop; ++i) out << lines << std::flush;  // 300 MB at the most
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  elsewhere([&] { std::ofstream(canary) << "destroyed"; });
  EXPECT_TRUE(comes([&] { return has_heard("canary"); }));
  watch.reset();  // while they write on
  stop = true;
  by_datagram.join();
  by_file.join();
}

std::string eve_alert(const std::string& signature) {
  return R"({"event_type":"alert","alert":{"signature_id":)" + signature +
         R"(,"signature":"x","severity":1}})"
         "\n";
}

TEST_F(Watched, a_sensor_s_file_that_cannot_be_read_is_told_and_its_old_lines_are_no_news) {
  const std::string eve = dir.path() + "/eve.json";
  std::ofstream(eve) << eve_alert("1");
  std::atomic<int> refusal = EACCES;
  Config config;
  config.sealer.clear();
  config.eve_files = {eve};
  open(config, attached_networks, [&](const std::string& path) {
    if (refusal == 0) return LineFile::open_to_read(path);
    errno = refusal;
    return -1;
  });
  EXPECT_EQ(watch->sensor_files(), 1u);
  EXPECT_EQ(watch->unreadable_sensor_files(), 1u);
  EXPECT_THAT(log(), HasSubstr("sensor-file-unreadable"));
  EXPECT_THAT(log(), HasSubstr(eve));
  EXPECT_THAT(log(), HasSubstr("Permission denied"));
  refusal = 0;
  EXPECT_TRUE(comes([&] { return watch->unreadable_sensor_files() == 0; }));
  std::ofstream(eve, std::ios::app) << eve_alert("2");
  EXPECT_TRUE(comes([&] { return has_heard("2"); }));
  EXPECT_FALSE(has_heard("1"));
  EXPECT_THAT(log(), HasSubstr("sensor-file-read\""));
  EXPECT_THAT(log(), HasSubstr("\"bytes_not_judged\":\"" + std::to_string(eve_alert("1").size())));
  watch.reset();  // it opens by what ends here
}

TEST_F(Watched, a_canary_whose_server_does_not_answer_holds_up_neither_the_start_nor_an_alert_nor_the_end) {
  const std::string eve = dir.path() + "/eve.json";
  std::ofstream(eve) << "";
  Config config;
  config.sealer.clear();
  config.eve_files = {eve};
  config.canaries = {dir.path() + "/on-the-mount"};
  const auto gate = std::make_shared<Gate>();
  open(config, attached_networks, LineFile::open_to_read, [gate](const std::string&, bool) {
    gate->wait();
    return FileLook{.error = EIO};
  });
  std::ofstream(eve, std::ios::app) << eve_alert("1");
  EXPECT_TRUE(comes([&] { return has_heard("1"); }));
  EXPECT_FALSE(has_heard("canary"));
  watch.reset();
  gate->open();
}

TEST_F(Watched, a_canary_that_is_not_there_is_told_in_the_log) {
  Config config;
  config.sealer.clear();
  config.canaries = {dir.path() + "/not-there"};
  open(config);
  EXPECT_TRUE(comes([&] { return log().find("canary-missing") != std::string::npos; }));
  EXPECT_THAT(log(), HasSubstr(dir.path() + "/not-there"));
  EXPECT_FALSE(has_heard("canary"));
}

// The networks that this machine is attached to, as a test says.
struct Attached {
  std::vector<Network> now{*Network::parse("127.0.0.0/8")};
  AskAttached ask = [this] { return std::optional(now); };
};

TEST_F(Watched, a_sealed_store_whose_address_comes_late_shuts_no_till_out) {
  Attached attached;
  node.fold_state.guard.posture = Posture::sealed;  // it was sealed before the power cut
  Config config;
  config.sealer.clear();
  open(config, attached.ask);
  EXPECT_FALSE(watch->shuts_out("127.0.0.1"));
  EXPECT_TRUE(watch->shuts_out("10.9.9.7"));
  attached.now.push_back(*Network::parse("10.9.9.1/24"));  // DHCP has answered
  const auto a_pause = std::chrono::nanoseconds(InsideOfSeal::ask_pause.ns) + std::chrono::milliseconds(20);
  std::this_thread::sleep_for(a_pause);
  EXPECT_FALSE(watch->shuts_out("10.9.9.7"));
  EXPECT_TRUE(watch->shuts_out("10.9.8.7"));
  attached.now.clear();  // a cable is pulled out
  std::this_thread::sleep_for(a_pause);
  EXPECT_TRUE(watch->shuts_out("10.9.8.7")) << "asked anew";
  EXPECT_FALSE(watch->shuts_out("10.9.9.7")) << "what was inside stays so for this seal";
}

TEST_F(Watched, a_list_of_who_is_inside_is_all_of_it) {
  Attached attached;
  attached.now.push_back(*Network::parse("10.9.9.1/24"));
  node.fold_state.guard.posture = Posture::sealed;
  Config config;
  config.sealer.clear();
  config.inside = {*Network::parse("192.168.10.0/24")};
  open(config, attached.ask);
  EXPECT_FALSE(watch->shuts_out("192.168.10.7"));
  EXPECT_FALSE(watch->shuts_out("127.0.0.1"));
  EXPECT_TRUE(watch->shuts_out("10.9.9.7"));
}

}  // namespace
}  // namespace holdfast::guard
