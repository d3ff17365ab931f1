package service

import "strings"

// What a user agent has in it, and what that means: the first match counts, since browsers name each other.
var (
	programs = []struct{ mark, name string }{
		{"natter", "Natter"}, {"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"},
		{"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl", "curl"},
		{"Go-http-client", "Natter SDK"},
	}
	systems = []struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"}, {"darwin", "macOS"}, {"Linux", "Linux"}, {"linux", "Linux"}, {"windows", "Windows"},
	}
)

// deviceOf is what people call the program and the system of a user agent, such as "Firefox on Linux". It is for them to
// recognise their devices by, and nothing else: anybody can send any user agent.
func deviceOf(userAgent string) string {
	find := func(list []struct{ mark, name string }) string {
		for _, one := range list {
			if strings.Contains(userAgent, one.mark) {
				return one.name
			}
		}
		return ""
	}
	switch program, system := find(programs), find(systems); {
	case program == "" && system == "":
		return "Unknown device"
	case program == "":
		return system
	case system == "":
		return program
	default:
		return program + " on " + system
	}
}
