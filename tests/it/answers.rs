//! The output shown in docs/ANSWERS.md is what the program prints.

#[test]
fn the_page_of_answers_shows_what_the_program_prints() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .case("docs/ANSWERS.md");
}
