//! A conversation as a Markdown document, for people.

use super::Talk;
use crate::store::Turn;

/// The conversation as it is sent, turn by turn: without the turns that were taken back or forgotten.
pub fn markdown(talk: &Talk) -> String {
    let conversation = &talk.conversation;
    let title = conversation.name.clone().unwrap_or_else(|| format!("Conversation {}", conversation.handle()));
    let mut text = format!("# {title}\n");
    if let Some(system) = &conversation.system {
        text += &format!("\n## System\n\n{}\n", system.trim_end());
    }
    let told = talk.turns.iter().filter(|turn| !turn.dropped && !turn.is_forgotten());
    told.for_each(|turn| text += &of_turn(turn));
    text
}

fn of_turn(turn: &Turn) -> String {
    let pictures: String = turn.images.iter().map(|image| format!("*Picture: {}*\n\n", image.name)).collect();
    let mut text = format!("\n## You\n\n{pictures}{}\n", turn.prompt.trim_end());
    let who = turn.candidate.as_ref().map_or_else(|| "Answer".to_owned(), ToString::to_string);
    match &turn.answer {
        Some(answer) => text += &format!("\n## {who}\n\n{}\n", answer.trim_end()),
        None => text += "\n*No answer.*\n",
    }
    if turn.partial {
        text += "\n*The answer broke off here.*\n";
    }
    text
}
