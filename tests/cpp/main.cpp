// Runs all groups with one instruction set, or with each that was built and that this processor has, and compares the bits
// of AVX2 and AVX-512:
//
//     chainrule_cpp_tests [baseline|avx2|avx512] [quick] [only=PART OF A GROUP'S NAME]
//     chainrule_cpp_tests plant=FAULT     one of those in plant.cpp, that whoever looks for such may be seen to find it
//
// An instruction set is chosen once in the life of a process, so each gets a process of its own.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "cases.hpp"
#include "plant.hpp"

namespace tests {
namespace {

template <class T>
void run_groups(const Options& options) {
    const struct {
        const char* name;
        void (*run)(const Options&);
    } groups[] = {{"product", test_products<T>},
                  {"weight gradient", test_weight_gradients<T>},
                  {"panels", test_panels<T>},
                  {"update", test_updates<T>},
                  {"activation", test_activations<T>},
                  {"loss", test_losses<T>},
                  {"random numbers", test_random_numbers<T>},
                  {"plan", test_plans<T>},
                  {"predict", test_prediction<T>},
                  {"layer gradients", test_layer_gradients<T>},
                  {"network gradients", test_network_gradients<T>},
                  {"training", test_training<T>},
                  {"ends of training", test_ends_of_training<T>},
                  {"row by row", test_tiny_steps<T>},
                  {"kept pass", test_kept_passes<T>},
                  {"team choice", test_team_choices<T>},
                  {"least squares", test_least_squares<T>},
                  {"health", test_health<T>},
                  {"measured rows", test_measured_rows<T>},
                  {"huge strides", test_huge_strides<T>}};
    for (const auto& group : groups) {
        const std::string name = options.set + " " + type_name<T> + " " + group.name;
        if (name.find(options.only) == std::string::npos) continue;
        begin_group(name);
        group.run(options);
    }
    begin_group(options.set + " " + type_name<T> + " multiply-adds");
    for (std::ptrdiff_t rounds : {0, 1, 7}) expect(std::isfinite(kernels<T>().multiply_adds(rounds)), "not finite");
}

int run_one(const Options& options) {
    setenv("CHAINRULE_FORCE_ISA", options.set.c_str(), 1);
    setenv("CHAINRULE_OVERSUBSCRIBE", "1", 1);  // as many threads as are asked for, and for the smallest work
    if (kernels<float>().name != options.set) return 2;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    name_the_case_of_a_crash();
#endif
    run_groups<float>(options);
    run_groups<double>(options);
    return end_groups();
}

// Runs this program once more; the digests of its groups, by their names without the instruction set.
int run_process(const std::string& command, std::map<std::string, std::string>& digests) {
    std::FILE* output = popen(command.c_str(), "r");
    if (!output) return 1;
    char line[1024];
    while (std::fgets(line, sizeof line, output)) {
        std::fputs(line, stdout);
        std::fflush(stdout);
        const char *name = std::strchr(line, ' '), *answers = std::strstr(line, "  answers ");
        if (name && answers) digests[std::string(name, 28)] = std::string(answers + 10, 16);
    }
    const int status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run_all(const std::string& program, const std::string& arguments) {
    int status = 0;
    std::map<std::string, std::map<std::string, std::string>> digests;
    for (const InstructionSet set : available_instruction_sets()) {
        const std::string name = name_of(set);
        status |= run_process("'" + program + "' " + name + arguments, digests[name]);
    }
    if (!digests.count("avx2") || !digests.count("avx512")) return status;
    for (const auto& [group, digest] : digests["avx2"])
        if (digests["avx512"][group] != digest) {
            std::printf("AVX2 and AVX-512 have other bits:%s\n", group.c_str());
            status = 1;
        }
    return status;
}

}  // namespace
}  // namespace tests

int main(int count, char** words) {
    tests::Options options;
    std::string arguments;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        if (word.rfind("plant=", 0) == 0) {
            setenv("CHAINRULE_OVERSUBSCRIBE", "1", 1);
            return tests::plant(word.substr(6));
        }
        bool known = word == "quick" || word.rfind("only=", 0) == 0;
        if (known) arguments += " '" + word + "'";
        if (word == "quick") options.quick = true;
        if (word.rfind("only=", 0) == 0) options.only = word.substr(5);
        for (const auto set : chainrule::available_instruction_sets())
            if (word == chainrule::name_of(set)) options.set = word, known = true;
        if (!known) {
            std::printf("%s: neither a way to run nor an instruction set of this machine\n", words[i]);
            return 2;
        }
    }
    const int status = options.set.empty() ? tests::run_all(words[0], arguments) : tests::run_one(options);
    std::printf("%s\n", status ? "FAILED" : "passed");
    return status;
}
