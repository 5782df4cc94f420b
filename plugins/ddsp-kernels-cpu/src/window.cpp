#include "window.h"

#include <cmath>
#include <map>
#include <mutex>

namespace ddsp {

Window::Window(int64_t size) : fft(size / 2) {
    const double turn = 2 * 3.14159265358979323846 / size;
    for (int64_t i = 0; i < size; i++)
        shape.push_back(float(0.25 - 0.25 * std::cos(turn * i)));
    for (int64_t i = 0; i < size / 4; i++) {
        twiddles.push_back(float(std::cos(turn * i)));
        twiddles.push_back(float(-std::sin(turn * i)));
    }
}

const Window &Window::of(int64_t size) {
    static auto *mutex = new std::mutex;
    static auto *made = new std::map<int64_t, Window>;
    std::lock_guard<std::mutex> lock(*mutex);
    return made->try_emplace(size, size).first->second;
}

}  // namespace ddsp
