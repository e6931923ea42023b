"""Who is on duty where and when: the roster, the working calendar, and the ladder of whom to call. Pure."""
